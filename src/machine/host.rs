//! The host around the CPUs: its names, the kernel, the clock, and whether it is a virtual machine
//! or a container.

use super::cpuinfo::CpuInfo;
use super::{Root, system_calls};

/// `PRETTY_NAME` of os-release(5).
pub(super) fn os(root: &Root) -> Option<String> {
    let text = root.text("/etc/os-release").or_else(|| root.text("/usr/lib/os-release"))?;
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// Host name, kernel release and architecture: `/proc/sys/kernel`, else uname(2) on the live
/// machine.
pub(super) fn names(root: &Root) -> [Option<String>; 3] {
    let [hostname, kernel, architecture] =
        if root.is_live() { system_calls::uname() } else { [None, None, None] };
    [("hostname", hostname), ("osrelease", kernel), ("arch", architecture)].map(|(file, live)| {
        root.text(format!("/proc/sys/kernel/{file}")).or(live.filter(|name| !name.is_empty()))
    })
}

/// The clock source of the kernel.
pub(super) fn clock_source(root: &Root) -> Option<String> {
    root.text("/sys/devices/system/clocksource/clocksource0/current_clocksource")
}

/// The board or product: `Raspberry Pi 4 Model B Rev 1.4`, `Dell Inc. PowerEdge R740`.
pub(super) fn board(root: &Root) -> Option<String> {
    let dmi = |name: &str| root.text(format!("/sys/class/dmi/id/{name}"));
    root.text("/proc/device-tree/model").or_else(|| {
        let product = dmi("product_name")?;
        Some(match dmi("sys_vendor") {
            Some(vendor) if !product.starts_with(&vendor) => format!("{vendor} {product}"),
            _ => product,
        })
    })
}

/// The hypervisor below this machine; `none` on bare metal; `None` if that cannot be told.
///
/// The sources and their order are those of systemd-detect-virt(1). The `hypervisor` flag of CPUID
/// says that there is one at all: every hypervisor on x86 sets it, unless told to hide.
pub(super) fn virtualisation(root: &Root, cpuinfo: &CpuInfo) -> Option<String> {
    let x86_guest = cpuinfo.flags().map(|flags| flags.contains("hypervisor"));
    let found = by_signature(root)
        .or_else(|| by_dmi(root))
        .or_else(|| by_kernel(root))
        .or_else(|| x86_guest.filter(|guest| *guest).map(|_| "unknown hypervisor"));
    let bare = x86_guest == Some(false) || root.has("/sys/class/dmi/id/product_name");
    found.or(bare.then_some("none")).map(str::to_owned)
}

/// The name in CPUID, which exists only on the live machine.
fn by_signature(root: &Root) -> Option<&'static str> {
    let signature = root.is_live().then(system_calls::hypervisor_signature).flatten()?;
    Some(match signature.as_str() {
        "KVMKVMKVM" | "Linux KVM Hv" => "kvm",
        "Microsoft Hv" => "microsoft",
        "VMwareVMware" => "vmware",
        "XenVMMXenVMM" => "xen",
        "TCGTCGTCGTCG" => "qemu",
        "bhyve bhyve" => "bhyve",
        "prl hyperv" | "lrpepyh  vr" => "parallels",
        "ACRNACRNACRN" => "acrn",
        _ => return None,
    })
}

/// The names of virtual machines in their firmware tables.
fn by_dmi(root: &Root) -> Option<&'static str> {
    const NAMES: [(&str, &str); 16] = [
        ("KVM", "kvm"),
        ("Amazon EC2", "amazon"),
        ("QEMU", "qemu"),
        ("OpenStack", "kvm"),
        ("VMware", "vmware"),
        ("VMW", "vmware"),
        ("innotek GmbH", "oracle"),
        ("VirtualBox", "oracle"),
        ("Xen", "xen"),
        ("Bochs", "bochs"),
        ("Parallels", "parallels"),
        ("BHYVE", "bhyve"),
        ("Hyper-V", "microsoft"),
        ("Apple Virtualization", "apple"),
        ("Google Compute Engine", "google"),
        ("Virtual Machine", "microsoft"),
    ];
    let fields = ["product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"];
    let texts: Vec<String> =
        fields.iter().filter_map(|field| root.text(format!("/sys/class/dmi/id/{field}"))).collect();
    // Amazon's bare machines also carry the vendor's name; their product name says that they are
    // bare.
    if texts.first().is_some_and(|product| product.rsplit('.').next() == Some("metal")) {
        return None;
    }
    let named = |text: &String| NAMES.iter().find(|(name, _)| text.contains(name)).map(|n| n.1);
    texts.iter().find_map(named)
}

/// What a guest's kernel knows about its host: paravirtual clocks, Xen's directory, the device
/// tree.
fn by_kernel(root: &Root) -> Option<&'static str> {
    let clocks = root
        .text("/sys/devices/system/clocksource/clocksource0/available_clocksource")
        .unwrap_or_default();
    let tree = root.text("/proc/device-tree/hypervisor/compatible").unwrap_or_default();
    match () {
        () if root.text("/sys/hypervisor/type").as_deref() == Some("xen") => Some("xen"),
        () if clocks.contains("kvm-clock") || tree.contains("kvm") => Some("kvm"),
        () if clocks.contains("hyperv") => Some("microsoft"),
        () if clocks.contains("xen") || tree.contains("xen") => Some("xen"),
        () if tree.contains("vmware") => Some("vmware"),
        () if root.has("/proc/device-tree/fw-cfg@9020000") => Some("qemu"),
        () => None,
    }
}

/// What contains this process: `docker`, `podman`, `kubernetes`, `lxc`. `None` if there is no sign
/// of a container.
pub(super) fn container(root: &Root) -> Option<String> {
    let cgroup = root.text("/proc/self/cgroup").unwrap_or_default();
    let kubernetes = root.has("/var/run/secrets/kubernetes.io")
        || root.has("/run/secrets/kubernetes.io")
        || cgroup.contains("kubepods")
        || (root.is_live() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some());
    if kubernetes {
        return Some("kubernetes".to_owned());
    }
    // The container manager's own word: systemd writes the file, and process 1 was started with the
    // variable.
    let told = root.text("/run/systemd/container").or_else(|| {
        let environment = root.text("/proc/1/environ")?;
        Some(environment.split('\0').find_map(|entry| entry.strip_prefix("container="))?.to_owned())
    });
    if let Some(name) = told.filter(|name| !name.is_empty()) {
        return Some(name);
    }
    let by_path = [
        ("/libpod", "podman"),
        ("docker", "docker"),
        ("lxc", "lxc"),
        ("containerd", "containerd"),
        ("garden", "garden"),
    ];
    let kernel = root.text("/proc/sys/kernel/osrelease").unwrap_or_default().to_lowercase();
    let name = match () {
        () if root.has("/run/.containerenv") => Some("podman"),
        () if root.has("/.dockerenv") => Some("docker"),
        () if kernel.contains("microsoft") => Some("wsl"),
        () if root.has("/proc/vz") && !root.has("/proc/bc") => Some("openvz"),
        () => by_path.iter().find(|(part, _)| cgroup.contains(part)).map(|(_, name)| *name),
    };
    name.map(str::to_owned)
}
