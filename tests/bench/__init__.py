"""What ``make bench`` measures; docs/benchmarks.md says how, and what one run gave."""
