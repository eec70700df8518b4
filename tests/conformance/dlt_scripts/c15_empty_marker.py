"""C15: an empty marker, as a crash or a power loss leaves one, makes every resume raise.

The state is laid down by hand: a started job with a marker of no length (ext4 after a rename that was not synced).
"""

import os

from _dummy import Client, data, pipeline, verdict

made = pipeline(Client)
made.extract(data("items"))
made.normalize()
volume = os.path.join(made.working_dir, "load", "normalized")
package = os.path.join(volume, next(name for name in os.listdir(volume) if name[0].isdigit()))
for name in os.listdir(os.path.join(package, "new_jobs")):
    os.rename(os.path.join(package, "new_jobs", name), os.path.join(package, "started_jobs", name))
    open(os.path.join(package, ".pending_transitions", name), "w").close()
errors = []
for _ in range(3):
    try:
        pipeline(Client).load()
    except Exception as error:
        errors.append(type(error.__cause__ or error).__name__)
verdict(len(errors) == 3, f"three restarts in a row raised {errors}")
