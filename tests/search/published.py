"""Programs from papers and test suites whose number of Mazurkiewicz traces is known."""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness import step

Program = Callable[[], None]


def together(*bodies: Callable[[], None]) -> None:
    """Run each body in a thread of its own and wait for all."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def readers(n: int) -> Program:
    """One writes x; n each read a variable of their own, then x: 2^n (POPL 2014)."""

    def program() -> None:
        def read(i: int) -> Callable[[], None]:
            def body() -> None:
                step(f"own {i}", "read")
                step("x", "read")

            return body

        together(lambda: step("x"), *(read(i) for i in range(n)))

    return program


def last_zero(n: int) -> Program:
    """One looks for the last zero of an array, n each write a[j] = a[j-1] + 1: (n + 3) * 2^(n - 2) (POPL 2014)."""

    def program() -> None:
        array = [0] * (n + 1)

        def look() -> None:
            i = n
            while True:
                step(f"a[{i}]", "read")
                if array[i] == 0:
                    break
                i -= 1

        def write(j: int) -> Callable[[], None]:
            def body() -> None:
                step(f"a[{j - 1}]", "read")
                value = array[j - 1]
                step(f"a[{j}]")
                array[j] = value + 1

            return body

        together(look, *(write(j) for j in range(1, n + 1)))

    return program


def atomic_increments(n: int, variables: int = 1) -> Program:
    """n tasks each do x += 1 atomically, on each variable: (n!)^variables."""

    def program() -> None:
        def body() -> None:
            for v in range(variables):
                step(f"x{v}")

        together(*[body] * n)

    return program


def read_then_write(n: int) -> Program:
    """n tasks each read x, then write it: (n!)^2."""

    def program() -> None:
        def body() -> None:
            step("x", "read")
            step("x")

        together(*[body] * n)

    return program


def locked_increments(n: int) -> Program:
    """n tasks each lock, increment, unlock: n!."""

    def program() -> None:
        lock = threading.Lock()

        def body() -> None:
            with lock:
                step("x", "read")
                step("x")

        together(*[body] * n)

    return program


def control_flow() -> None:
    """What a task does depends on what it read: 5 traces; source-DPOR runs 10 executions (POPL 2014, figure 1)."""
    memory = {"x": 0, "y": 0, "z": 0}

    def read(name: str) -> int:
        step(name, "read")
        return memory[name]

    def write(name: str, value: int) -> None:
        step(name)
        memory[name] = value

    def third() -> None:
        if read("y") == 0:
            write("z", 1)

    def fourth() -> None:
        if read("z") == 1 and read("y") == 0:
            write("x", 2)

    together(lambda: write("x", 1), lambda: write("y", 1), third, fourth)


def indexer(n: int) -> Program:
    """n tasks insert four messages each into a hash table: 8^(n - 11) from n = 11 on (POPL 2005)."""

    def program() -> None:
        size, most = 128, 4
        table = [0] * size

        def insert(me: int) -> Callable[[], None]:
            def body() -> None:
                for message in range(1, most + 1):
                    word = message * 11 + me
                    at = (word * 7) % size
                    while True:
                        # a compare-and-swap that fails is a read; which of the two it is shows when it happens
                        step(f"table[{at}]")
                        if table[at] == 0:
                            table[at] = word
                            break
                        at = (at + 1) % size

            return body

        together(*(insert(me) for me in range(n)))

    return program


def filesystem(n: int) -> Program:
    """n tasks each allocate a block for an inode, under a lock for each: 2^(n - 13) from n = 13 on (POPL 2005)."""

    def program() -> None:
        inodes, blocks = 32, 26
        inode_locks = [threading.Lock() for _ in range(inodes)]
        block_locks = [threading.Lock() for _ in range(blocks)]
        inode, busy = [0] * inodes, [False] * blocks

        def allocate(me: int) -> Callable[[], None]:
            def body() -> None:
                i = me % inodes
                with inode_locks[i]:
                    step(f"inode {i}", "read")
                    if inode[i] == 0:
                        b = (i * 2) % blocks
                        while True:
                            with block_locks[b]:
                                step(f"busy {b}", "read")
                                if not busy[b]:
                                    step(f"busy {b}")
                                    busy[b] = True
                                    step(f"inode {i}")
                                    inode[i] = b + 1
                                    break
                            b = (b + 1) % blocks

            return body

        together(*(allocate(me) for me in range(n)))

    return program


def lock_order_inversion() -> None:
    """Two locks taken in opposite orders. Three traces: one first, the other first, and the deadlock."""
    a, b = threading.Lock(), threading.Lock()

    def forwards() -> None:
        with a, b:
            pass

    def backwards() -> None:
        with b, a:
            pass

    together(forwards, backwards)


def two_stage() -> None:
    """A writer locks A, then B; a reader locks A, and B only if it saw the first value: 3 traces.

    Reader first; or writer of A first, and then either order of the two critical sections on B.
    """
    first, second = threading.Lock(), threading.Lock()
    data = [0, 0]

    def write() -> None:
        with first:
            step("data 0")
            data[0] = 1
        with second:
            step("data 1")
            data[1] = 2

    def read() -> None:
        with first:
            step("data 0", "read")
            seen = data[0]
        if seen:
            with second:
                step("data 1", "read")

    together(write, read)


def producer_consumer(n: int) -> Program:
    """A task releases a semaphore n times, another acquires it n times.

    The order of all operations on it matters, and no acquire comes before its release: the n-th Catalan number.
    """

    def program() -> None:
        free = threading.Semaphore(0)

        def produce() -> None:
            for _ in range(n):
                free.release()

        def consume() -> None:
            for _ in range(n):
                free.acquire()

        together(produce, consume)

    return program


def store_buffer() -> None:
    """x = 1; read y || y = 1; read x: 3 traces.

    There are two conflicting pairs, so four orders; both reads before both writes would be a cycle.
    """

    def left() -> None:
        step("x")
        step("y", "read")

    def right() -> None:
        step("y")
        step("x", "read")

    together(left, right)


def writers(n: int) -> Program:
    """n tasks each write x; another reads it: (n + 1)! orders of conflicting steps."""

    def program() -> None:
        together(*[lambda: step("x")] * n, lambda: step("x", "read"))

    return program
