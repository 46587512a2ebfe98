"""knee's helper for Python: runs one function in threads, processes, interpreters or an event loop, and measures it.

It needs Python 3.8 or newer and nothing else. It speaks the crew protocol (docs/crew-protocol.md) on descriptor 0, which is
a socket. Workers of process pools import this file again, so nothing happens at its top level.
"""

import asyncio
import collections
import ctypes
import gc
import hashlib
import importlib
import inspect
import itertools
import json
import multiprocessing
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
import traceback
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool

PROTOCOL = 1
NAME = os.path.splitext(os.path.basename(__file__))[0]  # Workers import this file by its name.
clock = time.perf_counter_ns  # On Linux this is CLOCK_MONOTONIC, the same in all processes.
MOST_LAPS = 1 << 20  # A window ends when it holds so many tasks.
READY_WITHIN = 60  # Seconds.
GLANCE = 50_000_000  # Nanoseconds between two looks at whether knee is still there.
MOST_TEXT = 16 << 10


class Failed(Exception):
    """A failure as knee is told it: its kind and a text for the user."""

    def __init__(self, kind, text):
        super().__init__(kind, text)
        self.kind, self.text = kind, text[-MOST_TEXT:]


def told(error):
    """The traceback of an error, from the user's code on."""
    trace = error.__traceback__
    ours = (__file__, importlib.__file__)
    while trace and (trace.tb_frame.f_code.co_filename in ours
                     or trace.tb_frame.f_code.co_filename.startswith("<frozen importlib")):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


# The user's function


def load(target):
    """The function that `FILE.py`, `FILE.py:FUNCTION` or `package.module:function` names."""
    place, _, name = target.partition(":")
    module = load_file(place) if place.endswith(".py") else load_module(place)
    if not name:
        own = [key for key, value in vars(module).items() if inspect.isfunction(value)
               and value.__module__ == module.__name__ and not key.startswith("_")]
        if len(own) != 1:
            found = ", ".join(own) or "none"
            raise Failed("import", f"{place} must hold one function, or say which: {place}:FUNCTION (found: {found})")
        name = own[0]
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = ", ".join(key for key, value in vars(module).items() if callable(value) and key[0] != "_")
            raise Failed("import", f"{place} has no function {name} (it has: {known or 'none'})")
        found = getattr(found, part)
    if not callable(found):
        raise Failed("import", f"{name} in {place} is no function: it is of type {type(found).__name__}")
    return found


def load_file(path):
    """Imports a file by its dotted name, so that workers of every kind can import it too."""
    path = os.path.realpath(path)
    if not os.path.isfile(path):
        raise Failed("import", f"there is no file {path}")
    folder, parts = os.path.dirname(path), [os.path.basename(path)[:-3]]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, part = os.path.split(folder)
        parts.insert(0, part)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = load_module(".".join(parts))
    if os.path.realpath(getattr(module, "__file__", None) or "") != path:
        raise Failed("import", f"the name of {path} hides a module that Python itself uses; rename the file")
    return module


def load_module(name):
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except BaseException as error:
        raise Failed("import", told(error)) from None


def is_coroutine(function):
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def bind(job):
    """The function of a job, as a call that takes the task's number; its setup runs here, once per worker."""
    function = load(job["function"])
    given = [] if not job.get("setup") else [settled(load(job["setup"]))]
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return lambda number: function(*given)
    plain = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = sum(one.default is one.empty for one in plain)
    keywords = [one.name for one in parameters if one.kind == one.KEYWORD_ONLY and one.default is one.empty]
    if needed > 1 + len(given) or len(plain) < len(given) or keywords:
        takes = "nothing, the task's number, what --setup returned, or the number and what --setup returned"
        raise Failed("import", f"{job['function']} has a wrong signature {inspect.signature(function)}: it must take {takes}")
    if needed == 1 + len(given):
        if not given:
            return function
        return lambda number: function(number, given[0])
    if not given:
        return lambda number: function()
    return lambda number: function(given[0])


def settled(setup):
    """The value that the setup returns."""
    try:
        value = setup()
        return asyncio.new_event_loop().run_until_complete(value) if inspect.isawaitable(value) else value
    except BaseException as error:
        raise Failed("setup", told(error)) from None


def plain_call(job):
    """The bound function as a plain call: a coroutine is run to its end by an event loop of this worker."""
    call = bind(job)
    if not is_coroutine(load(job["function"])):
        return call
    loop = asyncio.new_event_loop()
    return lambda number: loop.run_until_complete(call(number))


def units_of(value):
    """A result `(units, value)` counts units; any other counts 1."""
    if type(value) is tuple and len(value) == 2 and type(value[0]) is int and value[0] >= 0:
        return value[0]
    return 1


def digest(value):
    """A checksum: a text that is the same wherever the same value was computed. None where the value has no such text."""
    sums = hashlib.blake2b(digest_size=8)
    if isinstance(value, (bytes, bytearray)):
        sums.update(value)
    elif hasattr(value, "tobytes") and hasattr(value, "dtype"):
        sums.update(f"{value.dtype}{value.shape}".encode())
        sums.update(value.tobytes())
    else:
        text = repr(sorted(map(repr, value)) if isinstance(value, (set, frozenset)) else value)
        if " at 0x" in text:
            return None
        sums.update(text.encode("utf-8", "surrogatepass"))
    return sums.hexdigest()


# What runs in a worker

class Plain:
    """Holds attributes in place of threading.local, which an interpreter forgets between two calls. It has one thread."""


LOCAL = threading.local()
STOP = None  # The number of the last round that has ended, seen by all processes.
BARRIER = None


def die_with_parent(parent):
    """Makes the system kill this process when its parent ends."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (AttributeError, OSError):
        return
    if parent and os.getppid() != parent:
        os._exit(1)


def enter(job):
    """Makes this worker ready. `ready` reports a failure."""
    LOCAL.failure, LOCAL.who = None, (os.getpid(), threading.get_ident())
    try:
        LOCAL.call = plain_call(job)
    except Failed as failed:
        LOCAL.failure = (failed.kind, failed.text)
    except BaseException as error:
        LOCAL.failure = ("import", told(error))


def let_fork_server_end():
    """Closes this worker's copy of the pipe that keeps its fork server alive.

    The server then ends with the helper, and the worker with the server. With the copies, killing the helper would leave all of them.
    """
    server = multiprocessing.forkserver._forkserver
    alive, server._forkserver_alive_fd = getattr(server, "_forkserver_alive_fd", None), None
    if alive is not None:
        os.close(alive)


def enter_process(job, channel, parent, barrier, stop):
    global BARRIER, STOP
    if channel is not None:
        try:
            os.close(channel)
        except OSError:
            pass
    if parent is None:
        let_fork_server_end()
    die_with_parent(parent)
    BARRIER, STOP = barrier, stop
    enter(job)


def ready(wait):
    """Waits until all workers have come here, so that each has started."""
    if isinstance(wait, tuple):
        os.write(wait[0], b".")
        os.read(wait[1], 1)
    else:
        (wait or BARRIER).wait(READY_WITHIN)
    return LOCAL.failure


def check(number):
    """Runs one task for its checksum, outside the clock."""
    try:
        return digest(LOCAL.call(number)), None
    except BaseException as error:
        return None, ("user", told(error))


def empty(number):
    """The empty task, which measures the cost of handing over."""
    return None


def task(turn, numbers):
    """Runs tasks; returns when each began and ended. The values are handed over too, as in the user's own code."""
    if STOP is not None and STOP.value >= turn:
        return None
    call, who, laps, values = LOCAL.call, LOCAL.who, [], []
    for number in numbers:
        begin = clock()
        try:
            value = call(number)
        except BaseException as error:
            return ("user", told(error))
        laps.append((who, begin, clock(), units_of(value)))
        values.append(value)
    return True, laps, values


def measuring():
    """The time that measuring adds to a task in its worker: the time of `task` around an empty call, less that of the call."""
    LOCAL.call, LOCAL.who, tasks, fastest = empty, None, 500, []
    for one in (lambda number: task(sys.maxsize, (number,)), empty):
        times = []
        for _ in range(5):
            begin = clock()
            for number in range(tasks):
                one(number)
            times.append(clock() - begin)
        fastest.append(min(times))
    return max(0, fastest[0] - fastest[1]) // tasks


# Measuring


class Round:
    """One measurement: when it opens and closes, and which tasks ended. `tick` is called after tasks or now and then."""

    def __init__(self, order, turn, send):
        self.active, self.turn, self.send = order["active"], turn, send
        self.window, self.left = order.get("window_ns", 0), order.get("tasks")
        self.probe, self.knocks = order.get("probe", False), []
        self.laps, self.numbers = [], itertools.count()
        self.failure, self.over, self.opened, self.closed = None, False, None, None
        self.limit, self.slice, self.rate = order.get("warm_ns", 0), 500_000, None
        self.tasks = self.left

    def start(self):
        """To be called just before the first task is given out."""
        self.began = self.since = self.due = clock()
        self.seen = 0
        if self.limit and self.tasks is None:
            self.due += self.slice
        else:
            self.open(self.began)

    def next(self):
        """The number of the next task; None where there is none."""
        number = next(self.numbers)
        if self.over or (self.tasks is not None and number >= self.tasks):
            return None
        return number

    def open(self, now):
        self.send({"open": {}})
        self.opened, self.seen = clock() if self.limit else now, len(self.laps)
        self.due = self.opened + self.window

    def close(self):
        self.closed, self.over = clock(), True
        self.send({"close": {}})

    def fail(self, kind, text):
        self.failure = self.failure or Failed(kind, text)
        self.over, self.due = True, 0

    def settle(self):
        """To be called when there are no more tasks."""
        self.due = 0
        self.tick(clock())

    def tick(self, now):
        if self.over or now < self.due:
            return
        done = len(self.laps) - self.seen
        if self.opened is None:
            self.warm(now, done)
        elif self.tasks is not None:
            self.due = now + 1_000_000
            if len(self.laps) >= self.tasks:
                self.close()
        elif done >= self.active:
            self.close()  # On average each active member has done a whole task.
        else:
            self.due = now + max(500_000, (now - self.opened) // 32)

    def warm(self, now, done):
        """Warms up in slices that double in length, until two in a row agree."""
        late = now - self.began >= self.limit
        if done < self.active and not late:
            self.due = now + max(500_000, self.slice // 4)
            return
        rate = done / (now - self.since)
        if late or (self.rate and abs(rate / self.rate - 1) < 0.05):
            self.open(now)
            return
        self.rate, self.since, self.seen, self.slice = rate, now, len(self.laps), self.slice * 2
        self.due = min(now + self.slice, self.began + self.limit)

    def result(self):
        """The lap of each member between opening and closing. A task across an edge counts with its share inside."""
        if self.tasks is not None or not self.limit:
            self.opened = min((lap[1] for lap in self.laps), default=self.opened)
        if self.tasks is not None:
            self.closed = max((lap[2] for lap in self.laps), default=self.closed)
        opened, closed = self.opened, self.closed
        members = collections.defaultdict(lambda: [0, 0, 0.0, collections.Counter()])
        for who, begin, end, units in self.laps:
            one = members[who]
            if opened <= begin and end <= closed:
                one[2] += units
            elif end > begin:
                one[2] += units * max(0, min(end, closed) - max(begin, opened)) / (end - begin)
            if opened < end <= closed or end == begin == opened:
                one[0] += 1
                one[1] += units
                one[3][bucket(end - begin)] += 1
        span = max(1, closed - opened)
        laps = [{"tasks": tasks, "units": units, "rate": share / span * 1e9, "latency": sorted(counts.items())}
                for tasks, units, share, counts in members.values()]
        # A member that took no task has a lap too.
        laps += [{"tasks": 0, "units": 0, "rate": 0.0, "latency": []}] * (self.active - len(laps))
        knock = sorted(self.knocks)[len(self.knocks) // 2] if self.knocks else None
        return {"laps": {"members": laps, "span_ns": span, "warm_ns": max(0, opened - self.began), "knock_ns": knock}}


def bucket(nanos):
    """Rounded to 1 %, so that few values are left."""
    shift = max(0, nanos.bit_length() - 7)
    return max(1, nanos >> shift << shift)


class Serial:
    """One task after another, in the main thread."""

    def __init__(self, job, members, channel):
        self.call, self.channel = plain_call(job), channel

    def facts(self):
        return {}

    def check(self, number):
        LOCAL.call = self.call
        return check(number)

    def run(self, order):
        call, laps, who = self.call, order.laps, 0
        order.start()
        while True:
            number = order.next()
            if number is None:
                order.settle()
                break
            begin = clock()
            try:
                value = call(number)
            except BaseException as error:
                order.fail("user", told(error))
                break
            end = clock()
            laps.append((who, begin, end, units_of(value)))
            if end >= order.due:
                order.tick(end)

    def end(self):
        pass


class Loop:
    """Coroutines of one event loop, `active` of them at once."""

    def __init__(self, job, members, channel):
        if not is_coroutine(load(job["function"])):
            raise Failed("unsupported", f"{job['function']} is not async, so an event loop can run only one call at a time")
        self.loop = asyncio.new_event_loop()
        self.calls = [bind(job) for _ in range(members)] if job.get("setup") else [bind(job)] * members

    def facts(self):
        return {}

    def check(self, number):
        async def one():
            return await self.calls[0](number)
        LOCAL.call = lambda number: self.loop.run_until_complete(one())
        return check(number)

    async def lane(self, member, order):
        call, laps, create = self.calls[member], order.laps, self.loop.create_task
        while True:
            number = order.next()
            if number is None:
                return
            begin = clock()
            try:
                value = await create(call(number))
            except BaseException as error:
                order.fail("user", told(error))
                return
            end = clock()
            laps.append((member, begin, end, units_of(value)))
            if end >= order.due:
                order.tick(end)

    async def round(self, order):
        order.start()
        lanes = [self.loop.create_task(self.lane(member, order)) for member in range(order.active)]
        while order.probe and not order.over:
            begin = clock()
            await asyncio.sleep(0.005)
            order.knocks.append(clock() - begin - 5_000_000)
        await asyncio.gather(*lanes)
        order.settle()

    def run(self, order):
        self.loop.run_until_complete(self.round(order))

    def end(self):
        pass


class Pool:
    """An executor of exactly as many workers as are active, for each count that was asked for."""

    depth = 4  # Tasks submitted per worker. With fewer, a worker may find none while the main thread waits for the lock.

    def __init__(self, job, members, channel):
        self.job, self.members, self.channel = job, members, channel
        self.executors, self.chunk, self.glance = {}, max(1, int(job.get("chunk") or 1)), 0
        load(job["function"])  # Forked workers need not import it again.
        self.executor(members)

    def facts(self):
        """The time to hand over an empty task: one at a time, and with all workers kept busy."""
        executor, times = self.executor(self.members), []
        until = clock() + 20_000_000
        while clock() < until or len(times) < 3:
            begin = clock()
            executor.submit(empty, 0).result()
            times.append(clock() - begin)
        begin, count = clock(), min(512, max(8, 40_000_000 // max(1, sum(times) // len(times))))
        futures.wait([executor.submit(empty, 0) for _ in range(count)])
        busy = (clock() - begin) // count
        return {"handover_ns": sorted(times)[len(times) // 2], "busy_handover_ns": busy, "measuring_ns": measuring()}

    def check(self, number):
        return self.executor(self.members).submit(check, number).result()

    def executor(self, count):
        if count not in self.executors:
            self.make_room(count)
            executor, wait = self.make(count)
            waiting = [executor.submit(ready, wait) for _ in range(count)]
            if isinstance(wait, tuple):
                self.release(count)
            for failure in [one.result(READY_WITHIN) for one in waiting]:
                if failure:
                    raise Failed(*failure)
            self.executors[count] = executor
        return self.executors[count]

    def make_room(self, count):
        """Idle workers hold memory, so those of all counts together stay below three times the members."""
        while self.executors and sum(self.executors) + count > 3 * self.members:
            self.executors.pop(next(iter(self.executors))).shutdown()

    def submit(self, executor, order, ended):
        """Whether there was a task to submit. Its future is put into `ended` when it has ended."""
        numbers = tuple(itertools.islice(iter(order.next, None), self.chunk))
        if not numbers:
            return False
        try:
            executor.submit(task, order.turn, numbers).add_done_callback(ended.put)
        except BaseException as error:
            order.fail(*self.broken(error))
            return False
        return True

    def broken(self, error):
        if isinstance(error, BrokenProcessPool):
            return "crash", "a worker process ended in the middle of a task: it exited, was killed, or found no memory"
        name = type(error).__name__
        if "ickl" in str(error) or "Shareable" in name or "ickl" in name:
            return "pickle", f"what {self.job['function']} returns cannot be handed over: {name}: {error}"
        return "user", told(error)

    def run(self, order):
        """The main thread keeps the pool full: it submits a task for each that has ended."""
        executor, ended, outstanding = self.executor(order.active), queue.SimpleQueue(), 0
        order.start()
        if order.probe:
            threading.Thread(target=self.knock, args=(order,), daemon=True).start()
        while outstanding or not order.over:
            while outstanding < order.active * self.depth and self.submit(executor, order, ended):
                outstanding += 1
            for future in self.wait(order, ended):
                outstanding -= 1
                self.record(order, future)
            order.tick(clock())
            if order.over:
                self.stop(order.turn)

    def wait(self, order, ended):
        """The futures that have ended, after a wait for one of them. Ends this process when knee has ended."""
        now = clock()
        if now >= self.glance:
            self.glance = now + GLANCE
            if select.select([self.channel], [], [], 0)[0]:
                os._exit(0)  # The channel is closed: knee sends nothing in the middle of a round.
        until = self.glance if order.over else min(self.glance, order.due)
        try:
            found = [ended.get(timeout=max(0, until - now) * 1e-9)]
        except queue.Empty:
            return []
        while not ended.empty():
            found.append(ended.get())
        return found

    def record(self, order, future):
        try:
            result = future.result()
        except BaseException as error:
            order.fail(*self.broken(error))
            return
        if result is not None and len(result) == 2:
            order.fail(*result)
        elif result is not None:
            order.laps += result[1]
            if len(order.laps) >= MOST_LAPS:
                order.due = 0

    def knock(self, order):
        """Measures how late a thread that has slept gets the lock."""
        while not order.over:
            begin = clock()
            time.sleep(0.001)
            order.knocks.append(clock() - begin - 1_000_000)

    def stop(self, turn):
        pass

    def end(self):
        for executor in self.executors.values():
            executor.shutdown(wait=True)
        self.executors.clear()


class Threads(Pool):
    def make(self, count):
        barrier = threading.Barrier(count)
        return futures.ThreadPoolExecutor(count, initializer=enter, initargs=(self.job,)), barrier

    def stop(self, turn):
        global STOP
        STOP = Turn(turn)


class Turn:
    def __init__(self, value):
        self.value = value


class Interpreters(Pool):
    depth = 2  # A round cannot end before the tasks that were submitted, as nothing stops them.

    def make(self, count):
        self.arrived, self.go = os.pipe(), os.pipe()
        lines = (f"import sys, json\nsys.path[:] = {sys.path!r}\nimport {NAME}\n"
                 f"{NAME}.LOCAL = {NAME}.Plain()\n{NAME}.enter(json.loads({json.dumps(self.job)!r}))")
        executor = futures.InterpreterPoolExecutor(count, initializer=exec, initargs=(lines,))
        return executor, (self.arrived[1], self.go[0])

    def release(self, count):
        arrived = 0
        while arrived < count:
            if not select.select([self.arrived[0]], [], [], READY_WITHIN)[0]:
                raise Failed("unsupported", "an interpreter could not be made ready; does a module refuse to run in one?")
            arrived += len(os.read(self.arrived[0], count))
        os.write(self.go[1], b"." * count)


class Processes(Pool):
    def __init__(self, job, members, channel):
        self.context = multiprocessing.get_context(job.get("start") or None)
        self.flag = self.context.RawValue("L", 0)
        super().__init__(job, members, channel)

    def make_room(self, count):
        """Forking copies only the calling thread, so processes are forked while no other pool has threads."""
        if self.context.get_start_method() == "fork":
            for executor in self.executors.values():
                executor.shutdown()
            self.executors.clear()
        super().make_room(count)

    def make(self, count):
        forks = self.context.get_start_method() == "fork"
        parent = None if self.context.get_start_method() == "forkserver" else os.getpid()
        barrier = self.context.Barrier(count)
        given = (self.job, self.channel.fileno() if forks else None, parent, barrier, self.flag)
        return futures.ProcessPoolExecutor(count, self.context, enter_process, given), None

    def stop(self, turn):
        self.flag.value = turn


CREWS = {"serial": Serial, "threads": Threads, "process-pool": Processes, "async": Loop}


# Talking


class Talk:
    """The socket to knee: a line of JSON per message."""

    def __init__(self):
        self.socket = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.rest = b""
        self.id = None

    def send(self, message):
        if self.id is not None:
            message = dict(message, id=self.id)
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self):
        while b"\n" not in self.rest:
            if len(self.rest) > 1 << 20:
                self.id = None
                self.fail("order", "a line is longer than 1 MiB")
                raise EOFError
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        self.id = None
        order = json.loads(line)
        if not isinstance(order, dict):
            raise ValueError("an order is an object")
        self.id = order.get("id")
        return order

    def fail(self, kind, text):
        self.send({"failure": {"kind": kind, "text": text[-MOST_TEXT:]}})


class Crew:
    """Holds the launched crew and follows the orders for it."""

    def __init__(self, talk):
        self.talk, self.crew, self.turn = talk, None, 0

    def launch(self, order):
        if order.get("crew") != PROTOCOL:
            raise Failed("order", f"this helper speaks version {PROTOCOL} of the crew protocol")
        if order.get("mode") not in CREWS:
            raise Failed("unsupported", f"this Python ({sys.version.split()[0]}) has no {order.get('mode')}")
        self.end()
        begin = clock()
        function = load(order["function"])
        self.crew = CREWS[order["mode"]](order, order.get("members", 1), self.talk.socket)
        took, facts = clock() - begin, self.crew.facts()
        facts.update(coroutine=is_coroutine(function), lock=has_lock(), launch_ns=took,
                     start=multiprocessing.get_start_method())
        return {"ready": facts}

    def check(self, order):
        """The checksums of the first tasks, the time of the fastest, and the CPU time of all."""
        sums, fastest, begin = [], None, clock()
        used = time.process_time_ns()
        for number in range(order["count"]):
            start = clock()
            checksum, failure = self.crew.check(number)
            if failure:
                raise Failed(*failure)
            fastest = min(fastest or clock() - start, clock() - start)
            sums.append(checksum)
            if order.get("limit_ns") and clock() - begin > order["limit_ns"]:
                break
        spent = {"task_ns": fastest or 0, "wall_ns": clock() - begin, "cpu_ns": time.process_time_ns() - used}
        return {"checked": dict(spent, checksums=sums)}

    def round(self, order):
        self.turn += 1
        measured = Round(order, self.turn, self.talk.send)
        self.crew.run(measured)
        if measured.failure:
            raise measured.failure
        return measured.result()

    def obey(self, order):
        for name in ("launch", "check", "round"):
            if name in order:
                if name != "launch" and self.crew is None:
                    raise Failed("order", f"{name} before launch")
                return getattr(self, name)(order[name])
        raise Failed("order", f"there is no such order: {', '.join(sorted(order))}")

    def end(self):
        """Ends all workers that can be ended within a second."""
        ending = threading.Thread(target=self.end_crew, daemon=True)
        ending.start()
        ending.join(1)

    def end_crew(self):
        if self.crew:
            self.crew.end()
            self.crew = None
            gc.collect()  # Frees the named semaphores that pools of processes share.


def has_lock():
    """Whether only one thread can run Python code at a time. A module may turn the lock on, so ask after importing."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def main():
    die_with_parent(None)
    talk = Talk()
    if hasattr(futures, "InterpreterPoolExecutor"):
        CREWS["interpreters"] = Interpreters
    version = sys.version.split()[0] + ("" if has_lock() else "t")
    talk.send({"hello": {"crew": [PROTOCOL, PROTOCOL], "helper": "python", "version": version, "modes": list(CREWS)}})
    crew = Crew(talk)
    while True:
        try:
            order = talk.receive()
            if "dismiss" in order:
                crew.end()
                talk.send({"bye": {}})
                break
            talk.send(crew.obey(order))
        except (EOFError, ConnectionError):
            crew.end()
            break
        except Failed as failed:
            talk.fail(failed.kind, failed.text)
        except BrokenProcessPool:
            talk.fail("crash", "a worker process ended before it was ready: it exited, was killed, or found no memory")
        except (ValueError, KeyError, TypeError) as error:
            talk.fail("order", f"the order cannot be read: {type(error).__name__}: {error}")
        except BaseException as error:
            talk.fail("user", told(error))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    os._exit(0)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    importlib.import_module(NAME).main()
