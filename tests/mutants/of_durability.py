"""Mutants of what makes a journal durable: settings, commits, chain, mark, lease, cutting."""

from __future__ import annotations

from mutation import Mutant

_DURABLE, _TAIL, _LEASE = (f"unit/journal/test_{name}.py" for name in ("durable", "tail", "lease"))

DURABILITY = (
    Mutant(
        "a commit is not synced",
        "journal/durable.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        "what a flush returned from survives a power cut",
        _DURABLE,
    ),
    Mutant(
        "a flush does not wait",
        "journal/writer.py",
        "while (self.durable < seq or self._done < asked) and not self.failure:",
        "while self._done < asked and not self.failure:",
        "what a flush returned from is durable",
        _DURABLE,
    ),
    Mutant(
        "a failure is not told",
        "journal/writer.py",
        "        except Exception as error:  # whatever it is: what is not recorded did not happen\n"
        "            self._fail(error)\n",
        "        except Exception as error:\n            self._fail(error)\n            self.failure = ''\n",
        "after a failure everything is refused",
        _DURABLE,
    ),
    Mutant(
        "a snapshot comes before its rows",
        "journal/writer.py",
        "self._beside[:] if after <= last]",
        "self._beside[:]]",
        "a snapshot is never there without the rows before it",
        _DURABLE,
    ),
    Mutant(
        "the mark is not written",
        "journal/writer.py",
        "        self._marks.write(last, self._head)\n",
        "",
        "an end that is missing is noticed",
        _TAIL,
    ),
    Mutant(
        "a check does not hold what is before it",
        "journal/chain.py",
        "_packed((head, session_id, rows))",
        "_packed((session_id, rows))",
        "two journals that end with the same check are the same",
        _TAIL,
    ),
    Mutant(
        "rows after the last check are taken",
        "journal/tail.py",
        '        raise _Damaged(f"after row {found.seq} come rows without a check")\n',
        "        pass\n",
        "a row counts when its commit's check fits it",
        _TAIL,
    ),
    Mutant(
        "a snapshot's place is not sealed",
        "journal/chain.py",
        "_packed((seq, at, body))",
        "_packed(body)",
        "a damaged snapshot is not used",
        _TAIL,
    ),
    Mutant(
        "a log is left behind by a cut",
        "journal/tail.py",
        '_BESIDE = ("", "-wal", "-shm", "-journal")',
        '_BESIDE = ("", "-shm", "-journal")',
        "what belongs to a damaged journal goes with it",
        _TAIL,
    ),
    Mutant(
        "a child keeps its parent's lease",
        "journal/lease.py",
        "os.register_at_fork(after_in_child=_leave_to_parent)\n",
        "",
        "a forked child does not hold what its parent holds",
        _LEASE,
    ),
)
