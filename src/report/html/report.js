"use strict";
// Shows the figures under the pointer, the finger or the arrow keys. Without it the tables say the same.
(() => {
  const tip = document.getElementById("tip");
  const svgNamespace = "http://www.w3.org/2000/svg";
  let shown = null;

  const hide = () => {
    tip.hidden = true;
    if (shown) shown.cross.remove();
    shown = null;
  };

  const line = (row) => {
    const [colour, name, , text] = row;
    const div = document.createElement("div");
    const dot = document.createElement("i");
    dot.className = "c" + colour;
    const label = document.createElement("span");
    label.textContent = name;
    const value = document.createElement("span");
    value.className = "v";
    value.textContent = text;
    div.append(dot, label, value);
    return div;
  };

  const show = (svg, probes, index) => {
    const [x, title, rows] = probes[index];
    if (!shown || shown.svg !== svg || shown.index !== index) {
      hide();
      const head = document.createElement("b");
      head.textContent = title;
      tip.replaceChildren(head, ...rows.map(line));
      const cross = document.createElementNS(svgNamespace, "path");
      const [top, bottom] = svg.dataset.span.split(" ");
      cross.setAttribute("class", "l cross");
      cross.setAttribute("d", `M${x},${top}V${bottom}`);
      svg.append(cross);
      shown = { svg, index, cross };
    }
    tip.hidden = false;
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const highest = Math.min(...rows.map((row) => row[2]));
    const centre = box.left + x * scale;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const beside = centre + 14 + tip.offsetWidth < document.documentElement.clientWidth;
    const left = beside ? centre + 14 : centre - 14 - tip.offsetWidth;
    tip.style.left = Math.max(8, Math.min(left, room)) + window.scrollX + "px";
    tip.style.top = box.top + window.scrollY + Math.max(0, highest * scale - tip.offsetHeight - 10) + "px";
  };

  for (const svg of document.querySelectorAll("svg[data-probes]")) {
    const probes = JSON.parse(svg.dataset.probes);
    const nearest = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      let best = 0;
      probes.forEach((probe, index) => {
        if (Math.abs(probe[0] - x) < Math.abs(probes[best][0] - x)) best = index;
      });
      return best;
    };
    svg.addEventListener("pointermove", (event) => show(svg, probes, nearest(event)));
    svg.addEventListener("pointerdown", (event) => show(svg, probes, nearest(event)));
    svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") hide();
    });
    svg.addEventListener("focus", () => {
      if (svg.matches(":focus-visible")) show(svg, probes, 0);
    });
    svg.addEventListener("blur", () => {
      if (shown && shown.svg === svg) hide();
    });
    svg.addEventListener("keydown", (event) => {
      const at = shown && shown.svg === svg ? shown.index : 0;
      const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: probes.length - 1 };
      if (event.key === "Escape") hide();
      if (!(event.key in steps)) return;
      event.preventDefault();
      show(svg, probes, Math.max(0, Math.min(probes.length - 1, steps[event.key])));
    });
  }
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("svg[data-probes]")) hide();
  });
})();
