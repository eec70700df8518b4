# Measured by test_coverage_of_fibers.py: every line runs, on fibers, but for those that say "never".
import threading


class Box:
    def __init__(self):
        self.lock = threading.Lock()
        self.ready = threading.Event()
        self.seen = []


def put(box, value):
    if value > 99:
        box.seen.append("never")
    with box.lock:
        box.seen.append(value)
    for _ in range(2):
        box.ready.set()
    return value


def take(box):
    box.ready.wait()
    with box.lock:
        found = list(box.seen)
    try:
        raise KeyError(found)
    except KeyError:
        box.seen.append("caught")
    else:
        box.seen.append("never")


def program():
    box = Box()
    threads = [threading.Thread(target=put, args=(box, n)) for n in (1, 2)]
    threads.append(threading.Thread(target=take, args=(box,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def left_alone():
    return "never"
