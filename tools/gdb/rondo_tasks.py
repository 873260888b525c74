# SPDX-License-Identifier: MIT
"""A command for gdb: what the coroutines of a stopped process or of a core file wait for.

    (gdb) source tools/gdb/rondo_tasks.py
    (gdb) rondo-tasks

It prints what rondo::describe_tasks() returns, for each reactor that has had a task:

    reactor 0x7ffc86b0a3d0, thread 1:
    Queue::pop, 12.503 s: src/jobs.cpp:40 < src/main.cpp:17

`rondo-tasks EXPRESSION` prints the tasks of that reactor only: `rondo-tasks reactor`. The library
needs debug information (-g), optimized or not; the program needs its symbols only. Nothing is
called in the process.
"""

import time

import gdb

STEPS_MAX = 1_000_000  # in one list: memory that is damaged may be a circle
TICK_SHIFT = 20  # StreamContext::tick_shift
PROMISE_IN_FRAME = 2  # pointers before it
READER, EXTRA = 2, 4  # Connection::Kind
AWAITED_BIT, LINK_BITS = 2, 3  # CompletionLink
HANDLER_SLOTS_MAX = 16  # StreamHandler has fewer


def type_of(name):
    return gdb.lookup_type(f"rondo::{name}")


def object_at(address, type_):
    return gdb.Value(address).cast(type_.pointer()).dereference()


def follow(first, next_of):
    """Each address of a list, until it is null."""
    address = first
    for _ in range(STEPS_MAX):
        if address == 0:
            return
        yield address
        address = next_of(address)
    raise gdb.GdbError("a list has no end: the memory is damaged")


class Memory:
    """The memory of the process, and the names of functions in it. Objects of the standard library
    are read as what they consist of, which is the same in each of them."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        self.pointer_size = gdb.lookup_type("void").pointer().sizeof
        self.order = "big" if "big" in gdb.execute("show endian", to_string=True) else "little"
        self.symbols = {}

    def number(self, address, size=8, signed=False):
        data = self.inferior.read_memory(int(address), size)
        return int.from_bytes(data.tobytes(), self.order, signed=signed)

    def pointer(self, address, index=0):
        return self.number(int(address) + index * self.pointer_size, self.pointer_size)

    def time(self, value):
        return self.number(value.address, signed=True)

    # The types of objects are known by the names of symbols, since a program's own types may have
    # no debug information.

    def symbol(self, address):
        if address not in self.symbols:
            said = gdb.execute(f"info symbol {address:#x}", to_string=True)
            self.symbols[address] = said.split(" in section ")[0]
        return self.symbols[address]

    def virtual_function(self, object_address, slot):
        return self.symbol(self.pointer(self.pointer(object_address), slot))

    def class_of(self, object_address):
        """`vtable for NAME + 16`."""
        return self.symbol(self.pointer(object_address))

    def place(self, where):
        """`where` points to what a std::source_location consists of."""
        text = gdb.Value(self.pointer(where)).cast(gdb.lookup_type("char").pointer())
        line = self.number(where + 2 * self.pointer_size, 4)
        return f"{text.string('utf-8', 'replace')}:{line}"

    def is_running_here(self):
        connection = getattr(self.inferior, "connection", None)
        return connection is not None and connection.type == "native"


class Context:
    """What the tasks of one reactor share: a rondo::detail::CoroutineContext."""

    def __init__(self, memory, address):
        self.memory = memory
        self.value = object_at(address, type_of("detail::CoroutineContext"))
        self.loop = self.value["loop_"].referenced_value()
        self.reactor = int(self.value["reactor_"].referenced_value().address)
        self.now = self.known_time()

    def known_time(self):
        """The time of the turn in ns, or else the system's. None: it is not known."""
        turn = self.memory.time(self.loop["now_"])
        if turn >= 0:
            return turn
        return None if self.is_simulated() or not self.memory.is_running_here() else \
            time.monotonic_ns()

    def is_simulated(self):
        backend = self.memory.pointer(self.loop["backend_"].address)
        return "rondo::sim::" in self.memory.class_of(backend)

    def thread(self):
        """The number of the thread that runs it; None: no known one does."""
        runner = self.memory.number(self.loop["runner_"].address)
        try:
            for thread in self.memory.inferior.threads():
                if runner == int.from_bytes(thread.handle(), self.memory.order) != 0:
                    return thread.num
        except (gdb.error, AttributeError):  # without libthread_db, or an old gdb
            pass
        return None

    def latest(self):
        """The latest point in time that is known of it."""
        return self.now or max((self.since(wait) for wait in self.waits()), default=0)

    # Tasks that wait in the list, as describe_tasks() walks it.

    def waits(self):
        ends = self.value["waiting_"]["ends_"].address
        type_ = type_of("detail::Wait")

        def next_of(address):
            following = object_at(address, type_)["at_"]["next"]
            return 0 if following == ends else int(following)

        for address in follow(next_of(int(ends)), next_of):
            yield object_at(address, type_)["at_"]

    def since(self, wait):
        return self.memory.time(wait["since"])

    def places(self, task):
        """`jobs.cpp:40`, and so on up to the root."""
        type_ = type_of("detail::TaskPromise")
        found = []

        def parent_of(address):
            link = int(object_at(address, type_)["completion_"]["word_"])
            if link & AWAITED_BIT == 0:
                return 0
            return self.memory.pointer(link & ~LINK_BITS)  # the first member of Awaiting

        for address in follow(int(task), parent_of):
            where = int(object_at(address, type_)["where_"])
            if where != 0:  # null: a branch of when_all and the like
                found.append(self.memory.place(where))
        return found

    # Tasks in Connection::read(), which are in no list, because that would cost time.

    def readers(self):
        for stream in self.streams():
            task = self.reader_of(int(stream["handler_"]))
            if task != 0:
                yield task, self.end_of(int(stream["active_at_"]))

    def streams(self):
        """Those in the heap of deadlines, in which each stream has a place."""
        rooms = self.loop["rooms_"]
        count = rooms.type.sizeof // self.memory.pointer_size
        all_rooms = [self.memory.pointer(rooms.address, i) for i in range(count)]
        context = next((one for one in all_rooms if one != 0 and
                        "rondo::detail::StreamContext" in self.memory.class_of(one)), None)
        if context is None:
            return
        entries = object_at(context, type_of("detail::StreamContext"))["deadlines_"]["entries_"]
        entries = entries.address
        first, end = (self.memory.pointer(entries, i) for i in (0, 1))
        for entry in range(first, end, 8 + self.memory.pointer_size):  # a time and a pointer
            yield object_at(self.memory.number(entry + 8, self.memory.pointer_size),
                            type_of("detail::StreamImpl"))

    def reader_of(self, handler):
        """The task that waits in read(), or 0."""
        if not self.is_connection(handler):
            return 0
        entry = int(object_at(handler, type_of("Connection"))["input_"])
        frame = entry - READER if entry & READER else 0
        if entry & EXTRA:
            frame = self.memory.pointer(entry - EXTRA)  # the first member
        return frame + PROMISE_IN_FRAME * self.memory.pointer_size if frame != 0 else 0

    def is_connection(self, handler):
        """Whether it has a function that every Connection has, and no other handler."""
        for slot in range(HANDLER_SLOTS_MAX):
            name = self.memory.virtual_function(handler, slot)
            if name.startswith("rondo::Connection::on_end("):
                return True
            if name.startswith(("No symbol", "typeinfo", "vtable")):
                break
        return False

    def end_of(self, tick):
        """StreamContext::end_of(): when the stream was active last."""
        passed = ((self.now >> TICK_SHIFT) - tick) & 0xFFFFFFFF
        return ((self.now >> TICK_SHIFT) - passed + 1) << TICK_SHIFT

    # The text.

    def lines(self):
        for wait in self.waits():
            yield self.line(wait["what"].string(), self.since(wait), wait["task"])
        for task, since in self.readers():
            yield self.line("Connection::read", since, task)

    def line(self, what, since, task):
        ms = max(0, self.now - since) // 1_000_000
        places = " < ".join(self.places(task)) or "not started"
        return f"{what}, {ms // 1000}.{ms % 1000:03} s: {places}"

    def title(self):
        thread = self.thread()
        runs = f"thread {thread}" if thread is not None else "no thread runs it"
        return f"reactor {self.reactor:#x}, {runs}:"


def all_contexts():
    try:
        found = gdb.parse_and_eval("&'rondo::detail::all_contexts'")
        type_ = type_of("detail::CoroutineContext")
    except gdb.error as error:
        raise gdb.GdbError("this program has no coroutines of rondo, or no debug information for "
                           f"the library (-g): {error}") from error
    memory = Memory()
    contexts = [Context(memory, address) for address in follow(
        memory.pointer(found), lambda one: int(object_at(one, type_)["next_context_"]))]
    # Without a clock, as in a core file, the times count up to the latest event that is known.
    latest = max((one.latest() for one in contexts if not one.is_simulated()), default=0)
    for one in contexts:
        if one.now is None:
            one.now = one.latest() if one.is_simulated() else latest
    return contexts


class RondoTasks(gdb.Command):
    """Lists what the coroutines of rondo wait for: rondo-tasks [REACTOR]."""

    def __init__(self):
        super().__init__("rondo-tasks", gdb.COMMAND_STATUS, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        wanted = self.address(argument) if argument else None
        contexts = [one for one in all_contexts() if wanted in (None, one.reactor)]
        for context in contexts:
            print(context.title())
            for line in context.lines():
                print(line)
        if not contexts:
            print("no such reactor has had a task" if wanted else "no reactor has had a task")

    @staticmethod
    def address(expression):
        value = gdb.parse_and_eval(expression)
        kind = value.type.strip_typedefs().code
        if kind == gdb.TYPE_CODE_PTR:
            return int(value)
        if kind in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            value = value.referenced_value()
        return int(value.address)


RondoTasks()
