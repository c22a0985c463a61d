"""python -m tests.tools.mutants [MODULE ...] (make mutants): do the tests notice when the code is wrong?

Makes one small change to a module (a mutant: `<` becomes `<=`, an argument is left out, a text changes) and runs the
tests of that module until one fails: the test kills the mutant. A mutant that passes every test survives: the change
makes no difference, or a test is missing.

    --sample 200     mutants per module, chosen by a hash of the mutant and of --seed: the same code, the same sample
    --json FILE      writes every mutant and its outcome
    --compare FILE   runs the mutants of an earlier FILE again and ends with 1 where the tests kill fewer of them
    --show           prints the mutants that survive

While it runs it prints a sign for each mutant: `.` killed, `t` killed by the time limit, `S` survived, `E` its run
failed, which counts as survived.

mutmut makes the changes. This file runs them: mutmut's own runner leaves out constants and most decorated functions.

A run is quick because a process that has imported a module's tests forks a child for each mutant. The child replaces
the code of the changed function and runs only the tests that execute the changed line, and first those that are quick
and kill other mutants. A change of a constant takes effect at import, so its child imports the tests itself. Each child
has its own copy of one migrated database.
"""

import argparse
import ast
import gc
import hashlib
import json
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.machinery import SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

# Imported once for all children. No module of the site, because a module has to be changed before its import.
import django.contrib.admin
import django.db.models
import django.forms
import django.template
import django.test
import django.test.utils
import hypothesis
import pytest

from tests import PROJECT
from tests.support import processes

# A mutant that never ends is killed too: after five times the seconds that the test takes without it, plus these.
SECONDS_OF_WORK = 3.0  # of processor time, so that a busy machine kills no mutant
SECONDS_OF_WAITING = 20.0
SECONDS_TO_IMPORT = 60.0
MOST_FAILURES = 5  # tests that fail without a mutant and are left out; with more the run stops
SURVIVED = ("survived", "error")
# Our stderr, for the sign of each mutant. A child sends its own stderr to a log.
PROGRESS = os.dup(2)
MEMORY = 8 << 30  # bytes of address space, the limit for a mutant that allocates without end

# The tests of what the tracking page says about a story.
PAGE = [
    f"tests/journey/test_{name}.py"
    for name in (
        *("advice", "deadlines", "progress", "reading", "route", "silence", "standing", "steps"),
        *("timeline", "times", "wording"),
    )
]

# Each module: its files, and its tests that need no server. Where a module moves, change its file; where it is split,
# name all the parts.
MODULES = {
    "numbers": (
        ["tracking/values/numbers.py", "tracking/values/redaction.py"],
        [
            "tests/values/test_numbers.py",
            "tests/values/test_numbers_properties.py",
            "tests/values/test_redaction.py",
            "tests/project/test_secrets.py",
            "tests/project/test_logs.py",
        ],
    ),
    "parser": (
        ["tracking/japanpost/parser.py", "tracking/japanpost/limits.py"],
        [
            "tests/japanpost/test_limits.py",
            "tests/japanpost/test_parser.py",
            "tests/japanpost/test_parser_properties.py",
            "tests/japanpost/test_pages.py",
        ],
    ),
    "journey": (
        ["tracking/journey/route.py", "tracking/journey/deadlines.py"],
        PAGE,
    ),
    "silence": (["tracking/journey/silence.py"], [*PAGE, "tests/journey/test_usual_waits_shown.py"]),
    "gate": (
        ["tracking/fetching/gate.py", "tracking/fetching/timer.py"],
        ["tests/fetching/test_gate.py", "tests/fetching/test_store_trouble.py"],
    ),
    "lookup": (
        ["tracking/fetching/lookup.py", "tracking/fetching/asking.py", "tracking/fetching/storing.py"],
        ["tests/fetching/test_lookup.py", "tests/fetching/test_storing.py", "tests/fetching/test_faults.py"],
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change. `key` is a hash of its text, not of its place, so it finds the mutant in lines that have moved."""

    key: str
    operator: str
    file: str
    line: int
    code: str  # the line before the change
    was: str
    becomes: str


@dataclass(frozen=True)
class Outcome:
    """The result for a mutant: `killed`, `timeout`, `survived` or `error` (of this program)."""

    verdict: str
    test: str = ""  # the one that killed it; with `killed` by a signal and `error`, what happened


@dataclass(frozen=True)
class Measurement:
    """The results of a module's tests without a mutant."""

    seconds: dict[str, float]  # by each test that passes
    failed: list[str]
    # By file and line: the tests that execute it. An empty name means that the import does.
    tests: dict[tuple[str, int], set[str]]


# --- Mutants ----------------------------------------------------------------------------------------------


def mutants_of(files: Sequence[str]) -> dict[Mutant, Callable[[], str]]:
    """Every mutant of these files, with a function that returns the source of the changed file."""
    from libcst import Module, parse_module
    from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
    from mutmut.mutation.mutators import mutation_operators

    mutants, seen = {}, Counter[str]()
    for file in files:
        source = (PROJECT / file).read_text()
        lines = source.splitlines()
        wrapper = MetadataWrapper(parse_module(source), unsafe_skip_copy=True)
        positions, parents = wrapper.resolve(PositionProvider), wrapper.resolve(ParentNodeProvider)
        for node in _mutable(wrapper.module):
            placed = node
            while placed not in positions:  # an operator such as `<` has no position of its own
                placed = parents[placed]
            line = positions[placed].start.line
            for kind, operator in mutation_operators:
                for changed in operator(node) if isinstance(node, kind) else ():
                    was, becomes = (Module([]).code_for_node(one).strip() for one in (node, changed))
                    words = "\n".join([operator.__name__, lines[line - 1].strip(), was, becomes])
                    seen[words] += 1
                    key = _hash(f"{words}\n{seen[words]}")[:16]
                    mutant = Mutant(key, operator.__name__, file, line, lines[line - 1].strip(), was, becomes)
                    mutants[mutant] = partial(_replaced, wrapper.module, node, changed)
    return mutants


def sample(mutants: Iterable[Mutant], size: int, seed: int) -> list[Mutant]:
    """The mutants with the smallest hashes. An edit of a few lines changes only a few mutants of the sample."""
    return sorted(mutants, key=lambda mutant: _hash(f"{seed} {mutant.key}"))[:size]


def _mutable(node: Any) -> Iterator[Any]:
    """The nodes to change: no types, imports or docstrings, and no calls that fail with other arguments."""
    import libcst as cst

    match node:
        case cst.Annotation() | cst.Import() | cst.ImportFrom() | cst.Expr(value=cst.SimpleString()):
            return
        case cst.Call(func=cst.Name(value="len" | "isinstance" | "NewType")):
            return
    yield node
    for child in node.children:
        yield from _mutable(child)


def _replaced(module: Any, node: Any, changed: Any) -> str:
    return module.deep_replace(node, changed).code


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Places:
    """Finds the statement and the function of a line of a source file."""

    def __init__(self, source: str) -> None:
        tree = ast.parse(source)
        self._statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
        self._functions = list(self._outermost(tree, ""))

    def statement(self, line: int) -> range:
        """The lines of the innermost statement around this line; up to this line where it contains other statements."""
        around = [one for one in self._statements if one.lineno <= line <= (one.end_lineno or 0)]
        innermost = max(around, key=lambda one: one.lineno)
        is_compound = isinstance(innermost, ast.Match) or hasattr(innermost, "body")
        return range(innermost.lineno, (line if is_compound else innermost.end_lineno or line) + 1)

    def function(self, line: int) -> tuple[range, str] | None:
        """The body and the qualified name of the outermost function around this line.

        None where the import executes the line.
        """
        return next((one for one in self._functions if line in one[0]), None)

    def _outermost(self, node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[range, str]]:
        for child in node.body:
            if isinstance(child, ast.ClassDef):
                yield from self._outermost(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.FunctionDef) and (first := child.body[0].lineno) > child.lineno:
                yield range(first, (child.end_lineno or first) + 1), prefix + child.name


# --- Children ---------------------------------------------------------------------------------------------


class ChildDiedError(Exception):
    """A child process has ended without a result."""

    def __init__(self, status: int, log: str) -> None:
        super().__init__(f"a child has ended with status {status}:\n{log}")
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


def in_child(work: Callable[[], Any], folder: Path) -> Any:
    """Run `work` in a forked child with its own temporary folder and return its result.

    Raises ChildDiedError where the child ends without a result.
    """
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
        answer, log = Path(own, "answer"), Path(own, "log")
        child = os.fork()
        if not child:
            code = 1
            try:
                os.setpgid(0, 0)
                for output in (1, 2):
                    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), output)
                tempfile.tempdir = own
                answer.write_bytes(pickle.dumps(work()))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        try:
            _, status = os.waitpid(child, 0)
        finally:
            # Tests may have started processes that a mutant keeps from stopping.
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        if status:
            raise ChildDiedError(status, log.read_text(errors="replace")[-5000:] if log.exists() else "")
        return pickle.loads(answer.read_bytes())


def _limit(work: float, waiting: float) -> None:
    """Let a signal end this process after so many seconds of processor time (`work`) or of the clock (`waiting`)."""
    for timer, number, seconds in (
        (signal.ITIMER_PROF, signal.SIGPROF, work),
        (signal.ITIMER_REAL, signal.SIGALRM, waiting),
    ):
        signal.signal(number, signal.SIG_DFL)
        signal.setitimer(timer, seconds)


class Harness:
    """A pytest plugin that collects the tests and then calls `work(session)`, which chooses and runs tests."""

    def __init__(self, migrated: Path, work: Callable[[pytest.Session], Any]) -> None:
        self._migrated, self._work, self._answers = migrated, work, []
        self.has_collected = False

    def run(self, files: Iterable[str]) -> Any:
        """The result of `work` for the tests of these files. Raises RuntimeError where pytest ends before."""
        base = Path(tempfile.gettempdir(), "pytest")
        off = ["-p", "no:cacheprovider", "-p", "no:randomly", "-o", "timeout=0", "--assert=plain"]
        where = ["-c", str(PROJECT / "pyproject.toml"), "--rootdir", str(PROJECT), "--basetemp", str(base)]
        code = pytest.main(["-q", "--tb=short", *off, *where, *files], plugins=[self])
        if not self._answers:
            raise RuntimeError(f"pytest has ended with {code!r}")
        return self._answers[0]

    def pytest_collection(self) -> None:
        """Called after conftest.py is read. Sets the same examples for each run, and no search for the shortest one."""
        slow = {hypothesis.Phase.shrink, hypothesis.Phase.explain, hypothesis.Phase.reuse}
        phases = [phase for phase in hypothesis.Phase if phase not in slow]
        hypothesis.settings.register_profile(
            "mutants", hypothesis.settings(derandomize=True, database=None, deadline=None, phases=phases)
        )
        hypothesis.settings.load_profile("mutants")
        # pytest-django creates its database with these functions.
        django.test.utils.setup_databases = self._copy_database
        django.test.utils.teardown_databases = lambda *_arguments, **_options: None

    def _copy_database(self, *_arguments: Any, **_options: Any) -> None:
        from django.db import connection

        database = Path(tempfile.gettempdir(), "test.sqlite3")
        shutil.copy(self._migrated, database)
        connection.settings_dict["NAME"] = str(database)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Replace pytest's own loop over the tests."""
        self.has_collected = True
        self._answers.append(self._work(session))
        return True


def migrate(database: Path) -> None:
    """Create a migrated SQLite database."""
    from django.db import connection

    django.setup()
    connection.settings_dict["TEST"]["NAME"] = str(database)
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()


def measure(files: Sequence[str], tests: Sequence[str], migrated: Path) -> Measurement:
    """Run the tests once without a mutant and note which lines of the files each of them executes."""
    import coverage

    measured = coverage.Coverage(
        data_file=None, config_file=False, include=[str(PROJECT / file) for file in files]
    )
    seconds, failed = {}, []

    def run_all(session: pytest.Session) -> bool:
        for item, following in pairwise([*session.items, None]):
            failures, began = session.testsfailed, time.monotonic()
            measured.switch_context(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            seconds[item.nodeid] = time.monotonic() - began
            if session.testsfailed > failures:
                failed.append(item.nodeid)
        return True

    measured.start()
    Harness(migrated, run_all).run(tests)
    measured.stop()
    data = measured.get_data()
    passed = {test: took for test, took in seconds.items() if test not in failed}
    lines = {
        (file, line): set(names) & (passed.keys() | {""})
        for file in files
        for line, names in data.contexts_by_lineno(str(PROJECT / file)).items()
    }
    return Measurement(passed, failed, lines)


def first_to_fail(session: pytest.Session, tests: Sequence[str], measured: Measurement) -> str:
    """Run these tests until one fails. Returns its name, or an empty text where all pass.

    A mutant can change the name of a test that has one of the module's values as a parameter. These run at the end.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    items = {item.nodeid: item for item in session.items}
    renamed = items.keys() - measured.seconds.keys() - {*measured.failed}
    present = [*(test for test in tests if test in items), *sorted(renamed)]
    for test, following in pairwise([*present, None]):
        usual = 5 * measured.seconds.get(test, 1)
        _limit(SECONDS_OF_WORK + usual, SECONDS_OF_WAITING + usual)
        items[test].config.hook.pytest_runtest_protocol(item=items[test], nextitem=items.get(following))
        if session.testsfailed:
            return test
    return ""


# --- A module ---------------------------------------------------------------------------------------------


class Run:
    """Runs the tests of one module on its mutants."""

    def __init__(self, name: str, migrated: Path) -> None:
        self._files, tests = MODULES[name]
        self._tests = [str(PROJECT / test) for test in tests]
        self._migrated, self._folder = migrated, migrated.parent
        self._places = {file: Places((PROJECT / file).read_text()) for file in self._files}
        self._kills = Counter[str]()
        self.measured: Measurement = in_child(
            lambda: measure(self._files, self._tests, migrated), self._folder
        )
        if len(failed := self.measured.failed) > MOST_FAILURES:
            raise SystemExit(f"{name}: {len(failed)} of its tests fail without a mutant, such as {failed[0]}")

    def outcomes(self, mutants: dict[Mutant, str]) -> dict[Mutant, Outcome]:
        """The outcome of each mutant. The values of `mutants` are the sources of the changed files."""
        wanted = {mutant: self._tests_of(mutant) for mutant in mutants}
        done = {mutant: Outcome("survived") for mutant, tests in wanted.items() if not tests}
        in_place = {one: mutants[one] for one in mutants if one not in done and not self._runs_at_import(one)}
        if in_place:
            harness = Harness(self._migrated, lambda session: self._in_place(session, in_place))
            done |= in_child(lambda: harness.run(self._tests), self._folder)
            self._kills.update(outcome.test for outcome in done.values())
        for mutant, source in mutants.items():
            if mutant not in done:
                done[mutant] = self._outcome(mutant, partial(self._imported, mutant, source))
        return done

    def _tests_of(self, mutant: Mutant) -> set[str]:
        """The tests that execute the mutant's statement; all tests of the module where the import executes it."""
        if self._runs_at_import(mutant):
            return set().union(*self.measured.tests.values()) - {""}
        lines = self._places[mutant.file].statement(mutant.line)
        return set().union(*(self.measured.tests.get((mutant.file, line), set()) for line in lines))

    def _runs_at_import(self, mutant: Mutant) -> bool:
        function = self._places[mutant.file].function(mutant.line)
        return function is None or any(
            "" in self.measured.tests.get((mutant.file, line), set()) for line in function[0]
        )

    def _outcome(self, mutant: Mutant, run: Callable[[list[str]], str]) -> Outcome:
        def price(test: str) -> float:
            return (self.measured.seconds[test] + 0.005) / (1 + self._kills[test])

        tests = sorted(self._tests_of(mutant), key=lambda test: (price(test), test))
        try:
            test = in_child(lambda: run(tests), self._folder)
            self._kills[test] += 1
            outcome = Outcome("killed", test) if test else Outcome("survived")
        except ChildDiedError as died:
            outcome = Outcome("killed" if died.signal else "error", str(died))
            if died.signal in (signal.SIGALRM, signal.SIGPROF):
                outcome = Outcome("timeout")
        os.write(
            PROGRESS, {"killed": b".", "timeout": b"t", "survived": b"S", "error": b"E"}[outcome.verdict]
        )
        return outcome

    def _in_place(self, session: pytest.Session, mutants: dict[Mutant, str]) -> dict[Mutant, Outcome]:
        """Run mutants by replacing a function's code after the import. Leaves out those whose function is missing."""
        functions: dict[tuple[str, str], list[FunctionType]] = {}
        for one in gc.get_objects():
            if isinstance(one, FunctionType):
                functions.setdefault((one.__code__.co_filename, one.__code__.co_qualname), []).append(one)
        gc.freeze()
        done = {}
        for mutant, source in mutants.items():
            path, (_, name) = str(PROJECT / mutant.file), self._places[mutant.file].function(mutant.line)
            changed = [one for one in _codes(compile(source, path, "exec")) if one.co_qualname == name]
            replaced = functions.get((path, name), [])
            free = {one.__code__.co_freevars for one in replaced} | {one.co_freevars for one in changed}
            if len(changed) != 1 or len({one.__code__ for one in replaced}) != 1 or len(free) != 1:
                continue
            done[mutant] = self._outcome(mutant, partial(self._replaced, session, replaced, changed[0]))
        return done

    def _replaced(
        self, session: pytest.Session, functions: list[FunctionType], code: CodeType, tests: list[str]
    ) -> str:
        for function in functions:
            function.__code__ = code
        return first_to_fail(session, tests, self.measured)

    def _imported(self, mutant: Mutant, source: str, tests: list[str]) -> str:
        """Run the tests with the changed file imported in place of the real one. Returns as `first_to_fail` does."""
        path, read = str(PROJECT / mutant.file), SourceFileLoader.get_code

        def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
            return compile(source, path, "exec") if loader.path == path else read(loader, name)

        SourceFileLoader.get_code = get_code
        _limit(SECONDS_TO_IMPORT, 2 * SECONDS_TO_IMPORT)
        harness = Harness(self._migrated, lambda session: first_to_fail(session, tests, self.measured))
        try:
            return harness.run(sorted({str(PROJECT / test.split("::")[0]) for test in tests}))
        except Exception:
            if harness.has_collected:
                raise
            return "the import fails"


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


# --- The command ------------------------------------------------------------------------------------------


def missing() -> list[str]:
    """A sentence for each file of MODULES that does not exist."""
    return [
        f"{path} does not exist, where tests/tools/mutants.py looks for {name}: change MODULES in that file"
        for name, (files, tests) in MODULES.items()
        for path in [*files, *tests]
        if not (PROJECT / path).exists()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.mutants", description="Do the tests notice wrong code?"
    )
    parser.add_argument("modules", nargs="*", metavar="module", help=f"of {', '.join(MODULES)}; default: all")
    parser.add_argument("--sample", type=int, default=200, help="mutants per module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write every mutant and its outcome")
    parser.add_argument("--compare", type=Path, help="what --json wrote earlier: the same mutants again")
    parser.add_argument("--show", action="store_true", help="print the mutants that survive")
    options = parser.parse_args(arguments)
    if unknown := set(options.modules) - MODULES.keys():
        parser.error(f"unknown module {', '.join(sorted(unknown))}; there are: {', '.join(MODULES)}")
    if sentences := missing():
        parser.error("\n".join(sentences))
    os.environ.setdefault("DEBUG", "True")
    os.environ["CI"] = "true"
    os.environ["DJANGO_SETTINGS_MODULE"] = "emsguide.settings"
    earlier = json.loads(options.compare.read_text())["modules"] if options.compare else {}
    report: dict[str, Any] = {"commit": _commit(), "seed": options.seed, "modules": {}}
    is_lower = False
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="mutants-", dir=shm if os.access(shm, os.W_OK) else None
    ) as folder:
        migrated = Path(folder, "migrated.sqlite3")
        in_child(lambda: migrate(migrated), Path(folder))
        print(
            f"{'module':10}{'mutants':>9}{'sample':>9}{'killed':>9}{'timeout':>9}{'survived':>9}{'seconds':>9}"
        )
        for name in options.modules or MODULES:
            report["modules"][name] = now = run_module(name, migrated, options, earlier.get(name))
            is_lower |= name in earlier and _compare(now, earlier[name])
            if options.json:
                options.json.write_text(json.dumps(report, indent=1))
    return int(is_lower)


def run_module(name: str, migrated: Path, options: argparse.Namespace, earlier: Any) -> dict[str, Any]:
    """Run the mutants of a module, print its line, and return its part of the report.

    `earlier` is that part of the earlier run to compare with, or None.
    """
    began = time.monotonic()
    mutants = mutants_of(MODULES[name][0])
    if earlier:
        keys = {one["key"] for one in earlier["mutants"]}
        chosen = [mutant for mutant in mutants if mutant.key in keys]
    else:
        chosen = sample(mutants, options.sample or len(mutants), options.seed)
    run = Run(name, migrated)
    outcomes = run.outcomes({mutant: mutants[mutant]() for mutant in chosen})
    verdicts = Counter(outcome.verdict for outcome in outcomes.values())
    seconds = round(time.monotonic() - began)
    os.write(PROGRESS, b"\n")
    counts = [
        len(mutants),
        len(chosen),
        verdicts["killed"],
        verdicts["timeout"],
        verdicts["survived"],
        seconds,
    ]
    print(f"{name:10}" + "".join(f"{count:9}" for count in counts), flush=True)
    if verdicts["error"]:
        print(
            f"  {verdicts['error']} ERRORS of tests/tools/mutants.py itself, which count as survived: see --json"
        )
    if failed := run.measured.failed:
        print(f"  LEFT OUT: {len(failed)} tests fail without a mutant, such as {failed[0]}")
    for mutant, outcome in outcomes.items():
        if options.show and outcome.verdict in SURVIVED:
            print(f"  {mutant.file}:{mutant.line}: {mutant.was} -> {mutant.becomes}    in: {mutant.code}")
    return {
        "all": len(mutants),
        "sample": len(chosen),
        **{verdict: verdicts[verdict] for verdict in ("killed", "timeout", "survived", "error")},
        "seconds": seconds,
        "left_out": run.measured.failed,
        "mutants": [asdict(mutant) | asdict(outcome) for mutant, outcome in outcomes.items()],
    }


def _compare(now: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Print the differences from the earlier run. Returns True where the tests kill fewer mutants."""
    survived = {one["key"]: one["verdict"] in SURVIVED for one in earlier["mutants"]}
    found = {one["key"]: one for one in now["mutants"]}
    lost = [one for key, one in found.items() if one["verdict"] in SURVIVED and not survived[key]]
    gained = [one for key, one in found.items() if one["verdict"] not in SURVIVED and survived[key]]
    print(
        f"  {len(found)} of the {len(survived)} mutants of the earlier run are found: "
        f"killed then {sum(not survived[key] for key in found)}, now {now['killed'] + now['timeout']}"
    )
    for one in lost:
        print(f"  NOW SURVIVES: {one['file']}:{one['line']}: {one['was']} -> {one['becomes']}")
    return len(lost) > len(gained)


def _commit() -> str:
    done = processes.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
