"""Whether a loader keeps its commit contract: scenarios, adapters, verdicts."""
