# Measured by test_coverage_of_fibers.py: calls into the other file from another depth on each fiber.
import threading

import fibers_near


def down(depth, box):
    if depth:
        down(depth - 1, box)
        box.seen[:] = box.seen[:]
        return
    if depth > 5:
        box.seen.append("never")
    fibers_near.put(box, 7)
    with box.lock:
        box.seen.append(8)
    for value in range(3):
        fibers_near.put(box, value)


def also(box):
    total = 0
    for n in range(2):
        total += n
        with box.lock:
            total += 1
        down(n, box)
    box.ready.set()
    return total


def program():
    box = fibers_near.Box()
    threads = [threading.Thread(target=down, args=(4, box)), threading.Thread(target=also, args=(box,))]
    threads.append(threading.Thread(target=fibers_near.take, args=(box,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def left_alone():
    return "never"
