"""The search, whatever is searched for: interfaces of searchers, trials and verdicts, the reward filter, the loop."""
