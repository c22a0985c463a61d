"""When and how is Japan Post asked, and what is kept of its answer? Gate, look-up, schedule, alarms, health."""
