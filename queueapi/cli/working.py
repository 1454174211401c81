"""``queueapi-work``, and ``queueapi work``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Final

from queueapi.cli.pidfile import pid_file
from queueapi.cli.words import Commands
from queueapi.errors import SettingsError
from queueapi.served import words
from queueapi.settings import FORMATS, Settings, size

_EXAMPLES: Final = """\
examples:
  queueapi-work sample_app.jobs                        work the queue "default"
  queueapi-work sample_app.jobs -q mail -q default     "mail" first, "default"
                                                       when it is empty
  queueapi-work sample_app.jobs -q mail,2 -q default,1 "mail" before "default"
                                                       in two claims of three
  queueapi-work sample_app.jobs -q '*'                 every queue
  queueapi-work myapp.jobs -q 'mail_*' -q '!mail_slow' all mail_… but for one
  queueapi-work sample_app.jobs -c 50 -p 2             2 processes of 50 slots
  queueapi-work -A myapp.web:app myapp.jobs            jobs need an application
  queueapi-work sample_app.jobs --burst                stop when all is done
  queueapi-work sample_app.jobs --reload               while developing
  queueapi-work sample_app.jobs --check                before a deploy: is all
                                                       in order?

queues:
  Without weights the order is strict: a queue is asked when all before it are
  empty. With a weight at any, the order is drawn anew for each claim, and none
  starves; those without count 1. When all weights are equal, that is a random
  order. Queues of one pattern take turns. A name behind ! is left out.
  -q mail=2 is the same as -q mail,2, and in QUEUES: mail=2,default=1

environment:
  DATABASE_URL, or PGHOST, PGUSER, …   the PostgreSQL server
  QUEUES or QUEUE, CONCURRENCY, PROCESSES, VERBOSE, QUEUEAPI_GRACE,
  QUEUEAPI_LEASE, QUEUEAPI_MAX_JOBS, QUEUEAPI_MAX_MEMORY, QUEUEAPI_LOG_FORMAT
                                       as the options

signals:
  TERM or INT once   claim no more, let running jobs finish, hand back the rest
  TERM or INT twice  hand back everything now
  TSTP or USR2       be quiet: claim no more, until CONT
  CONT               claim again
  TTIN               log what every slot and greenlet is doing

exit codes:
  0  an orderly stop             2  wrong words or settings
  1  the server is away          3  the schema and this version do not fit
"""


def add(commands: Commands) -> None:
    """Add the command to the others."""
    arguments(commands.add_parser("work", help="run jobs; the same as queueapi-work"))


def arguments(parser: argparse.ArgumentParser) -> None:
    """What ``queueapi-work`` can be told."""
    parser.description = (
        "Run jobs from PostgreSQL: a supervisor over worker processes, whose slots run\n"
        "a job at a time."
    )
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    say = parser.add_argument
    say("modules", nargs="*", metavar="MODULE", help="module to import jobs from, such as sample_app.jobs")
    say("-A", "--app", metavar="MODULE:NAME", help="an application: jobs run in its context, if it has one")
    say(
        "-q", "--queue", action="append", dest="queues", metavar="NAME",
        help="queue to work, or a pattern, with a weight or behind !; see below (default: default)",
    )  # fmt: skip
    say("-c", "--concurrency", type=int, metavar="N", help="slots of a process (default: 20)")
    say("-p", "--processes", type=int, metavar="N", help="worker processes (default: 1)")
    say("--grace", type=float, metavar="S", help="seconds that jobs may run on after TERM (default: 30)")
    say("--lease", type=float, metavar="S", help="seconds until a lost machine's jobs go back (default: 30)")
    say("--burst", action="store_true", help="stop when nothing is left to do")
    say("--max-jobs", type=int, metavar="N", help="replace a process after so many jobs")
    say("--max-memory", type=size, metavar="SIZE", help="replace a process that has more, such as 500M")
    say("--reload", action="store_true", help="start the processes anew when one of their files changes")
    say("--pid-file", metavar="FILE", help="write the supervisor's process id there, while it runs")
    say("--log-format", choices=FORMATS, help="lines for people, or JSON objects (default: text)")
    say("--check", action="store_true", help="only see whether all is in order: exit code 0, or which is wrong")
    say("-v", "--verbose", action="store_true", default=None, help="log every job")
    parser.set_defaults(run=_work, usage=parser.error)


def _work(arguments: argparse.Namespace) -> int:
    modules = [*([arguments.app] if arguments.app else []), *arguments.modules]
    if not modules:
        arguments.usage("name the modules that define jobs, such as sample_app.jobs")
    if arguments.app and ":" not in arguments.app:
        arguments.usage(f"-A takes MODULE:NAME, as in  -A myapp.web:app, and not {arguments.app!r}")
    settings = _settings(arguments)
    if arguments.check:
        return _check(settings, modules)
    from queueapi.events import Events
    from queueapi.logs import configure
    from queueapi.worker.sentences import Sentences
    from queueapi.worker.supervisor import Supervisor

    configure("supervisor", settings.verbose, settings.log_format)
    supervisor = Supervisor(settings, modules, Events(Sentences(settings.verbose)), arguments.burst, arguments.reload)
    with pid_file(arguments.pid_file):
        return supervisor.run()


def _settings(arguments: argparse.Namespace) -> Settings:
    queues = tuple(word for text in arguments.queues or () for word in words(text))
    return Settings.from_env(
        queues=queues or None,
        concurrency=arguments.concurrency,
        processes=arguments.processes,
        grace=arguments.grace,
        lease=arguments.lease,
        max_jobs=arguments.max_jobs,
        max_memory=arguments.max_memory,
        log_format=arguments.log_format,
        verbose=arguments.verbose,
    )


def _check(settings: Settings, modules: list[str]) -> int:
    from queueapi.postgres.connection import connect
    from queueapi.postgres.migrate import check
    from queueapi.worker.orders import CHECK

    # In a process as those that work, patched: a module may do something else there.
    done = subprocess.run([sys.executable, "-c", CHECK, *modules], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        why = done.stderr.strip().splitlines() or [f"the modules ended Python with exit code {done.returncode}"]
        raise SettingsError(why[-1])
    with connect(settings.database_url, "queueapi-work --check", settings.connect_timeout) as connection:
        check(connection)
    kinds = int(done.stdout.split()[-1])
    print(f"all is in order: {kinds} kinds of jobs, on {', '.join(settings.queues)}; the schema fits")
    return 0
