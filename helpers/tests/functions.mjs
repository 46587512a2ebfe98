// The functions that `knee crew-test` calls, in JavaScript.

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export const number = (task) => task * task;

export async function five() {
  const until = performance.now() + 5;
  // A timer of Node may fire up to a millisecond too early.
  while (performance.now() < until) await wait(1);
}

export const counts = (task) => [3, task];

export function fails(task) {
  throw new Error('knee-fails');
}

export function prints(task) {
  console.log('knee prints '.repeat(20));
}

export function exits(task) {
  process.exit(7);
}

export async function slow(task) {
  await wait(60_000);
}

export const prepare = () => ({ seven: 7 });

export const prepared = (task, state) => task + state.seven;
