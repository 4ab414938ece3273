"""The worker of the examples, that writes down what it is handed and what is acknowledged, before it goes on.

Called with: folder of worker.py, journal, URL.
"""

import json
import os
import sys

folder, journal, url = sys.argv[1:]
sys.path.insert(0, folder)
sys.dont_write_bytecode = True

import worker

file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def write(what, task):
    line = {"what": what, "pid": os.getpid()}
    line.update((key, task[key]) for key in ("task", "token", "run", "step", "attempt", "key"))
    os.write(file, (json.dumps(line) + "\n").encode())


class Journaled(worker.Worker):
    def carry_out(self, task):
        write("begun", task)
        super().carry_out(task)

    def say(self, task, what, **body):
        try:
            answer = super().say(task, what, **body)
        except worker.Stale:
            if what != "heartbeat":
                write("stale", task)
            raise
        if what != "heartbeat":
            write("completed" if what == "complete" else "failed", task)
        return answer


Journaled(url, "python-%s" % os.getpid(), retry_s=0.02).run()
