"""The disk under the package."""

from harness import Scenario, succeeds

package_io = Scenario(
    "Any one operation on files of the loader fails, before or after it has happened.",
    source="ALICE (OSDI 2014); dlt-hub/dlt#3849",
    jobs=[succeeds("a")],
    faults=1,
    at=("files",),
    file_faults=("EIO", "EIO after", "ENOSPC", "EMFILE"),
    timeouts=0,
)
