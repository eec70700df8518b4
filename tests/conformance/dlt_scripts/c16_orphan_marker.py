"""C16: a marker without its job is carried into `loaded` and stays there."""

import os

from _dummy import Client, data, pipeline, verdict

made = pipeline(Client)
made.extract(data("items"))
made.normalize()
volume = os.path.join(made.working_dir, "load")
load_id = next(name for name in os.listdir(os.path.join(volume, "normalized")) if name[0].isdigit())
with open(os.path.join(volume, "normalized", load_id, ".pending_transitions", "items.gone.0.jsonl"), "w") as file:
    file.write('{"state": "completed", "failed_message": null}')
made.load()
left = os.listdir(os.path.join(volume, "loaded", load_id, ".pending_transitions"))
verdict(bool(left), f"left in loaded: {left}")
