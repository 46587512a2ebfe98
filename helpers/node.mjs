// knee's helper for Node: runs one function in worker threads, child processes or one event loop, and measures it.
//
// It needs only Node 18 or newer. It speaks the crew protocol (docs/crew-protocol.md) on descriptor
// 0, which is a socket. Worker threads and child processes run this file too.

import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import util from 'node:util';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const PROTOCOL = 1;
const SELF = fileURLToPath(import.meta.url);
const MOST_LAPS = 1 << 20; // A window ends when it holds so many tasks.
const MOST_TEXT = 16 << 10;
const clock = () => Number(process.hrtime.bigint()); // CLOCK_MONOTONIC, the same in all processes.

/** A failure as knee is told it: its kind and a text for the user. */
class Failed extends Error {
  constructor(kind, text) {
    super(text);
    this.kind = kind;
    this.text = String(text).slice(-MOST_TEXT);
  }
}

/** The stack of an error, without the frames of this file. */
function told(error) {
  const text = error instanceof Error ? error.stack ?? String(error) : `thrown: ${util.inspect(error)}`;
  return text.split('\n').filter((line) => !line.includes(SELF) && !line.includes('node:internal')).join('\n');
}

// The user's function

/** The function that `FILE.mjs` or `FILE.mjs:FUNCTION` names. */
async function load(target) {
  const at = target.lastIndexOf(':');
  const [place, name] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
  const file = path.resolve(place);
  if (!fs.existsSync(file)) throw new Failed('import', `there is no file ${file}`);
  let module;
  try {
    module = await import(pathToFileURL(fs.realpathSync(file)));
  } catch (error) {
    throw new Failed('import', told(error));
  }
  const all = { ...(typeof module.default === 'object' ? module.default : {}), ...module };
  const known = Object.keys(all).filter((key) => typeof all[key] === 'function');
  const wanted = name || (known.length === 1 ? known[0] : 'default');
  if (typeof all[wanted] !== 'function') {
    const has = known.join(', ') || 'none';
    if (!name) throw new Failed('import', `${place} must export one function, or say which: ${place}:FUNCTION (found: ${has})`);
    throw new Failed('import', `${place} exports no function ${name} (it exports: ${has})`);
  }
  return all[wanted];
}

/** The function of a job as a call that takes the task's number; its setup runs here, once per worker. */
async function bind(job) {
  const call = await load(job.function);
  const given = [];
  if (job.setup) {
    const setup = await load(job.setup);
    try {
      given.push(await setup());
    } catch (error) {
      throw new Failed('setup', told(error));
    }
  }
  if (call.length > 1 + given.length) {
    const takes = "nothing, the task's number, what --setup returned, or the number and what --setup returned";
    throw new Failed('import', `${job.function} takes ${call.length} arguments: it must take ${takes}`);
  }
  if (!given.length) return call.length ? call : () => call();
  return call.length > 1 ? (number) => call(number, given[0]) : () => call(given[0]);
}

/** A result `[units, value]` counts units; any other counts 1. */
function unitsOf(value) {
  const counts = Array.isArray(value) && value.length === 2 && Number.isSafeInteger(value[0]) && value[0] >= 0;
  return counts ? value[0] : 1;
}

/** A checksum: a text that is the same wherever the same value was computed. */
function digest(value) {
  const bytes = ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : null;
  const all = { depth: null, maxArrayLength: null, maxStringLength: null, sorted: true };
  return crypto.createHash('sha256').update(bytes ?? util.inspect(value, all)).digest('hex').slice(0, 16);
}

async function check(call, number) {
  try {
    return [digest(await call(number)), null];
  } catch (error) {
    return [null, ['user', told(error)]];
  }
}

const isPromise = (value) => value !== null && typeof value === 'object' && typeof value.then === 'function';

// What runs in a worker

/** Runs a worker: follows orders until the channel closes. `say` sends to the main thread; `hear`
/** takes a listener. */
async function work(job, say, hear) {
  let call;
  try {
    call = await bind(job);
  } catch (error) {
    say({ failure: error instanceof Failed ? [error.kind, error.text] : ['import', told(error)] });
    return;
  }
  hear(async (order) => {
    if (order.check !== undefined) {
      say({ checked: await check(call, order.check) });
      return;
    }
    const laps = [];
    const values = [];
    try {
      for (const number of order.numbers) {
        const begin = clock();
        let value = call(number);
        if (isPromise(value)) value = await value;
        laps.push([begin, clock(), unitsOf(value)]);
        values.push(value);
      }
    } catch (error) {
      say({ failure: ['user', told(error)] });
      return;
    }
    try {
      // The values are handed over too, as in the user's own code.
      say({ laps, values });
    } catch (error) {
      say({ failure: ['pickle', `what ${job.function} returns cannot be handed over: ${error.name}: ${error.message}`] });
    }
  });
  say({ ready: true });
}

/** The time that measuring adds to a task in its worker: two clock readings and an entry, around an
/** empty call. */
function measuring() {
  const [tasks, times] = [1000, []];
  for (let round = 0; round < 5; round += 1) {
    const laps = [];
    const begin = clock();
    for (let number = 0; number < tasks; number += 1) laps.push([clock(), clock(), unitsOf(number)]);
    times.push(clock() - begin);
  }
  return Math.round(Math.min(...times) / tasks);
}

// Measuring

/** One measurement: when it opens and closes, and which tasks ended meanwhile. `tick` is called
/** after tasks and from time to time. */
class Round {
  constructor(order, send) {
    Object.assign(this, { active: order.active, window: order.window_ns ?? 0, tasks: order.tasks ?? null, send });
    Object.assign(this, { limit: order.warm_ns ?? 0, slice: 500_000, rate: null, probe: order.probe ?? false, knocks: [] });
    Object.assign(this, { laps: [], number: 0, failure: null, over: false, opened: null, closed: null });
  }

  start() {
    this.began = this.since = this.due = clock();
    this.seen = 0;
    if (this.limit && this.tasks === null) this.due += this.slice;
    else this.open(this.began);
  }

  next() {
    if (this.over || (this.tasks !== null && this.number >= this.tasks)) return null;
    return this.number++;
  }

  /** The numbers of the next chunk. */
  chunk(size) {
    const numbers = [];
    for (let number; numbers.length < size && (number = this.next()) !== null;) numbers.push(number);
    return numbers;
  }

  open(now) {
    this.send({ open: {} });
    this.opened = this.limit ? clock() : now;
    this.seen = this.laps.length;
    this.due = this.opened + this.window;
  }

  close() {
    this.closed = clock();
    this.over = true;
    this.send({ close: {} });
  }

  fail(kind, text) {
    this.failure ??= new Failed(kind, text);
    this.over = true;
    this.due = 0;
  }

  settle() {
    this.due = 0;
    this.tick(clock());
  }

  tick(now) {
    if (this.over || (now < this.due && this.laps.length < MOST_LAPS)) return;
    const done = this.laps.length - this.seen;
    if (this.opened === null) {
      this.warm(now, done);
    } else if (this.tasks !== null) {
      this.due = now + 1e6;
      if (this.laps.length >= this.tasks) this.close();
    } else if (done >= this.active) {
      this.close();
    } else {
      this.due = now + Math.max(5e5, (now - this.opened) / 32);
    }
  }

  /** Warms up in slices that double in length, until two in a row agree. */
  warm(now, done) {
    const late = now - this.began >= this.limit;
    if (done < this.active && !late) {
      this.due = now + Math.max(5e5, this.slice / 4);
      return;
    }
    const rate = done / (now - this.since);
    if (late || (this.rate && Math.abs(rate / this.rate - 1) < 0.05)) {
      this.open(now);
      return;
    }
    Object.assign(this, { rate, since: now, seen: this.laps.length, slice: this.slice * 2 });
    this.due = Math.min(now + this.slice, this.began + this.limit);
  }

  /** The lap of each member between opening and closing. A task across an edge counts with its
  /** share inside. */
  result() {
    let [first, last] = [Infinity, 0];
    for (const [, begin, end] of this.laps) {
      first = Math.min(first, begin);
      last = Math.max(last, end);
    }
    const opened = (this.tasks !== null || !this.limit) && this.laps.length ? first : this.opened;
    const closed = this.tasks !== null && this.laps.length ? last : this.closed;
    const members = Array.from({ length: this.active }, () => ({ tasks: 0, units: 0, share: 0, latency: new Map() }));
    for (const [who, begin, end, units] of this.laps) {
      const one = members[who];
      if (opened <= begin && end <= closed) one.share += units;
      else if (end > begin) one.share += (units * Math.max(0, Math.min(end, closed) - Math.max(begin, opened))) / (end - begin);
      if ((opened < end && end <= closed) || (end === begin && begin === opened)) {
        one.tasks += 1;
        one.units += units;
        const bucket = rounded(end - begin);
        one.latency.set(bucket, (one.latency.get(bucket) ?? 0) + 1);
      }
    }
    const span = Math.max(1, closed - opened);
    const knock = this.knocks.length ? Math.round(this.knocks.sort((a, b) => a - b)[this.knocks.length >> 1]) : null;
    const laps = members.map(({ tasks, units, share, latency }) => (
      { tasks, units, rate: (share / span) * 1e9, latency: [...latency].sort((a, b) => a[0] - b[0]) }));
    return { laps: { members: laps, span_ns: span, warm_ns: Math.max(0, opened - this.began), knock_ns: knock } };
  }
}

/** Rounded to 1 %, so that few values are left. */
function rounded(nanos) {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, nanos))) - 6);
  return Math.max(1, Math.floor(nanos / step) * step);
}

/** Calls `tick` from time to time while a round goes on. */
function tend(round, done) {
  if (round.over) return;
  const left = Math.max(1, (round.due - clock()) / 1e6);
  setTimeout(() => {
    round.tick(clock());
    if (round.over) done?.();
    else tend(round, done);
  }, left);
}

/** Calls in the event loop of this thread, `active` of them at once. One at once is a plain loop.
/** */
class Loop {
  async launch(job, members) {
    this.call = await bind(job);
    this.calls = [this.call];
    while (this.calls.length < members) this.calls.push(job.setup ? await bind(job) : this.call);
    return {};
  }

  check(number) {
    return check(this.call, number);
  }

  async lane(member, round) {
    const call = this.calls[member];
    for (let number; (number = round.next()) !== null;) {
      const begin = clock();
      try {
        let value = call(number);
        if (isPromise(value)) value = await value;
        const end = clock();
        round.laps.push([member, begin, end, unitsOf(value)]);
        if (end >= round.due) round.tick(end);
      } catch (error) {
        round.fail('user', told(error));
        return;
      }
    }
  }

  async run(round) {
    round.start();
    const lanes = Array.from({ length: round.active }, (_, member) => this.lane(member, round));
    if (round.probe) {
      while (!round.over) {
        const begin = clock();
        await new Promise((done) => setTimeout(done, 5));
        round.knocks.push(clock() - begin - 5e6);
      }
    }
    await Promise.all(lanes);
    round.settle();
  }

  end() {}
}

/** Workers with a channel each. Each has one chunk at a time, as in the pools that people use. */
class Pool {
  async launch(job, members) {
    this.job = job;
    this.size = Math.max(1, job.chunk ?? 1);
    this.workers = Array.from({ length: members }, () => this.start(job));
    await Promise.all(this.workers.map((worker) => this.ask(worker, null)));
    const [worker, times] = [this.workers[0], []];
    for (const until = clock() + 2e7; clock() < until || times.length < 3;) {
      const begin = clock();
      await this.ask(worker, { numbers: [] });
      times.push(clock() - begin);
    }
    const begin = clock();
    const each = Math.max(8, Math.floor(256 / members));
    await Promise.all(this.workers.map(async (one) => {
      for (let count = 0; count < each; count += 1) await this.ask(one, { numbers: [] });
    }));
    const busy = Math.round((clock() - begin) / (each * members));
    const alone = times.sort((a, b) => a - b)[times.length >> 1];
    return { handover_ns: alone, busy_handover_ns: busy, measuring_ns: measuring() };
  }

  /** Sends an order to a worker and resolves to its answer. Rejects if the worker failed or ended.
  /** */
  ask(worker, order) {
    return new Promise((done, fail) => {
      const finish = (message, kind, text) => {
        worker.listener = null;
        if (kind) fail(new Failed(kind, text));
        else if (message.failure) fail(new Failed(...message.failure));
        else done(message);
      };
      worker.listener = finish;
      if (worker.ended) finish(null, 'crash', worker.ended);
      else if (order) this.tell(worker, order);
    });
  }

  watch(worker, handle) {
    handle.on('message', (message) => worker.listener?.(message));
    handle.on('error', (error) => {
      worker.ended = told(error);
      worker.listener?.(null, 'crash', worker.ended);
    });
    handle.on('exit', (code, signal) => {
      worker.ended ??= `a worker ended in the middle of its work (${signal ? `signal ${signal}` : `exit code ${code}`})`;
      worker.listener?.(null, 'crash', worker.ended);
    });
    worker.handle = handle;
    return worker;
  }

  async check(number) {
    return (await this.ask(this.workers[0], { check: number })).checked;
  }

  async lane(member, round) {
    for (let numbers; (numbers = round.chunk(this.size)).length;) {
      try {
        const { laps } = await this.ask(this.workers[member], { numbers });
        for (const [begin, end, units] of laps) round.laps.push([member, begin, end, units]);
      } catch (error) {
        round.fail(error.kind ?? 'user', error.text ?? told(error));
        return;
      }
      const now = clock();
      if (now >= round.due) round.tick(now);
    }
  }

  async run(round) {
    round.start();
    tend(round);
    await Promise.all(Array.from({ length: round.active }, (_, member) => this.lane(member, round)));
    round.settle();
  }
}

class Threads extends Pool {
  start(job) {
    return this.watch({}, new Worker(SELF, { workerData: { knee: job } }));
  }

  tell(worker, order) {
    worker.handle.postMessage(order);
  }

  end() {
    return Promise.all(this.workers.map((worker) => worker.handle.terminate()));
  }
}

class Processes extends Pool {
  start(job) {
    const options = { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: process.execArgv };
    return this.watch({}, childProcess.fork(SELF, ['knee-member', JSON.stringify(job)], options));
  }

  tell(worker, order) {
    worker.handle.send(order);
  }

  end() {
    for (const worker of this.workers) worker.handle.kill('SIGKILL');
  }
}

const CREWS = { serial: Loop, threads: Threads, 'process-pool': Processes, async: Loop };

// Talking

/** Writes a message at once, even while a task blocks the event loop. */
function send(message, id) {
  const bytes = Buffer.from(`${JSON.stringify(id === undefined || id === null ? message : { ...message, id })}\n`);
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(0, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') process.exit(0); // knee is gone.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

class Crew {
  async launch(order) {
    if (order.crew !== PROTOCOL) throw new Failed('order', `this helper speaks version ${PROTOCOL} of the crew protocol`);
    if (!Object.hasOwn(CREWS, order.mode)) throw new Failed('unsupported', `Node has no ${order.mode}`);
    const begin = clock();
    const call = await load(order.function);
    const coroutine = call.constructor.name === 'AsyncFunction';
    if (order.mode === 'async' && !coroutine) {
      throw new Failed('unsupported', `${order.function} is not async, so an event loop can run only one call at a time`);
    }
    await this.end();
    this.crew = new CREWS[order.mode]();
    const facts = await this.crew.launch(order, order.members ?? 1);
    return { ready: { ...facts, coroutine, lock: false, launch_ns: clock() - begin } };
  }

  async check(order) {
    const [checksums, begin, used] = [[], clock(), process.cpuUsage()];
    let fastest = Infinity;
    for (let number = 0; number < order.count; number += 1) {
      const start = clock();
      const [checksum, failure] = await this.crew.check(number);
      if (failure) throw new Failed(...failure);
      fastest = Math.min(fastest, clock() - start);
      checksums.push(checksum);
      if (order.limit_ns && clock() - begin > order.limit_ns) break;
    }
    const { user, system } = process.cpuUsage(used);
    const spent = { task_ns: Number.isFinite(fastest) ? fastest : 0, wall_ns: clock() - begin, cpu_ns: (user + system) * 1000 };
    return { checked: { checksums, ...spent } };
  }

  async round(order, id) {
    const round = new Round(order, (message) => send(message, id));
    await this.crew.run(round);
    if (round.failure) throw round.failure;
    return round.result();
  }

  async obey(order) {
    for (const name of ['launch', 'check', 'round']) {
      if (order[name] !== undefined) {
        if (name !== 'launch' && !this.crew) throw new Failed('order', `${name} before launch`);
        return this[name](order[name], order.id);
      }
    }
    throw new Failed('order', `there is no such order: ${Object.keys(order).join(', ')}`);
  }

  /** Ends all workers that can be ended within a second. */
  async end() {
    const { crew } = this;
    this.crew = undefined;
    await Promise.race([crew?.end(), new Promise((done) => setTimeout(done, 1000))]);
  }
}

async function serve(crew, line) {
  let order;
  try {
    order = JSON.parse(line);
    if (order === null || typeof order !== 'object') throw new Error('an order is an object');
  } catch (error) {
    send({ failure: { kind: 'order', text: `the order cannot be read: ${error.message}` } });
    return;
  }
  if (order.dismiss !== undefined) {
    await crew.end();
    send({ bye: {} }, order.id);
    process.exit(0);
  }
  try {
    send(await crew.obey(order), order.id);
  } catch (error) {
    const { kind, text } = error instanceof Failed ? error : { kind: 'user', text: told(error) };
    send({ failure: { kind, text } }, order.id);
  }
}

function main() {
  const crew = new Crew();
  const socket = new net.Socket({ fd: 0, readable: true, writable: true });
  let [rest, turn] = ['', Promise.resolve()];
  const leave = () => crew.end().finally(() => process.exit(0));
  socket.setEncoding('utf8');
  socket.on('data', (text) => {
    rest += text;
    const lines = rest.split('\n');
    rest = lines.pop();
    for (const line of lines) turn = turn.then(() => serve(crew, line));
    if (rest.length > 1 << 20) {
      send({ failure: { kind: 'order', text: 'a line is longer than 1 MiB' } });
      leave();
    }
  });
  socket.on('end', leave);
  socket.on('error', leave);
  const version = process.versions.node;
  send({ hello: { crew: [PROTOCOL, PROTOCOL], helper: 'node', version, modes: Object.keys(CREWS) } });
}

if (!isMainThread && workerData?.knee) {
  work(workerData.knee, (message) => parentPort.postMessage(message), (listener) => parentPort.on('message', listener));
} else if (process.argv[2] === 'knee-member') {
  process.on('disconnect', () => process.exit(0));
  work(JSON.parse(process.argv[3]), (message) => process.send(message), (listener) => process.on('message', listener));
} else {
  main();
}
