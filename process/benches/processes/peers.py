"""Python's multiprocessing, for the same work: reads the name of a case, prints one number."""
import concurrent.futures
import multiprocessing as mp
import os
import sys
import time

now = time.perf_counter
fork = mp.get_context("fork")


def nothing(_=None):
    return None


def rate(count, begin):
    print(count / (now() - begin))


def apply_async(count, workers):
    pool = fork.Pool(workers)
    pool.map(nothing, range(8 * workers), chunksize=1)
    begin = now()
    for i in range(count):
        pool.apply_async(nothing, (i,))
    pool.close()
    pool.join()
    rate(count, begin)


def executor(count, workers):
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=fork) as pool:
        concurrent.futures.wait([pool.submit(nothing, i) for i in range(4 * workers)])
        begin = now()
        concurrent.futures.wait([pool.submit(nothing, i) for i in range(count)])
        rate(count, begin)


def apply_one(count, workers):
    pool = fork.Pool(workers)
    samples = []
    for _ in range(count):
        begin = now()
        pool.apply(nothing, (1,))
        samples.append(now() - begin)
    pool.terminate()
    print(sorted(samples)[count // 2])


def start_join(count, method):
    samples = []
    for _ in range(count):
        begin = now()
        process = mp.get_context(method).Process(target=nothing)
        process.start()
        process.join()
        samples.append(now() - begin)
    print(sorted(samples)[count // 2])


def produce(queue, count, size):
    payload = bytes(size)
    for _ in range(count):
        queue.put(payload)


def consume(queue, count, done):
    for _ in range(count):
        queue.get()
    done.release()


def queue(count, many):
    messages, done = fork.Queue(), fork.Semaphore(0)
    group = [fork.Process(target=produce, args=(messages, count // many, 64)) for _ in range(many)]
    group += [fork.Process(target=consume, args=(messages, count // many, done)) for _ in range(many)]
    begin = now()
    for process in group:
        process.start()
    for _ in range(many):
        done.acquire()
    rate(count // many * many, begin)
    for process in group:
        process.join()


def feed(connection, count, size):
    payload = bytes(size)
    for _ in range(count):
        connection.send(payload)


def pipe(count, size):
    receiving, sending = fork.Pipe(duplex=False)
    process = fork.Process(target=feed, args=(sending, count, size))
    process.start()
    sending.close()
    receiving.recv()
    begin = now()
    for _ in range(count - 1):
        receiving.recv()
    rate(count - 1, begin)
    process.join()


def pss(_):
    time.sleep(0.05)
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def memory(workers):
    with fork.Pool(workers) as pool:
        print(max(pool.map(pss, range(workers), chunksize=1)) * 1024)


if __name__ == "__main__":
    case, *numbers = sys.argv[1:]
    globals()[case](*[int(n) if n.isdigit() else n for n in numbers])
