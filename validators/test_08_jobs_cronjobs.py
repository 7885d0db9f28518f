"""Lab 08: Jobs that end, a queue that is emptied, a report that is due."""

from kindlabs import check

SQUARES = [f"{number} squared is {number * number}" for number in range(8)]


@check(points=2)
def test_each_index_once(lab):
    """Job `squares` writes the square of each number from 0 to 7, each once, by a Pod of its own."""
    lab.job("squares").did(SQUARES, by=8)


@check(points=1, needs=[test_each_index_once])
def test_ran_in_parallel(lab):
    """Three or four Pods of `squares` work at once, never five."""
    lab.job("squares").ran_in_parallel(least=3, most=4)


@check(points=2)
def test_queue_drained(lab):
    """Job `workers` takes all 20 items from the queue and notes each once, by 2 Pods or more."""
    items = [f"{lab.nonce}-{number}" for number in range(1, 21)]
    lab.job("workers").did(items, by=2)


@check(points=1)
def test_code_42_final(lab):
    """Exit code 42 ends Job `flaky` after one Pod, with reason PodFailurePolicy; after another code it tries again."""
    lab.job("flaky").fails(reason="PodFailurePolicy", pods=1, code=42)
    lab.job("flaky").tries_again_after(code=1)


@check(points=2)
def test_cron_fires(lab):
    """When a minute of CronJob `report` is due, a Job starts, and succeeds."""
    lab.cron_job("report").fires()


@check(points=1, needs=[test_cron_fires])
def test_no_overlap(lab):
    """While one report still runs, no other is started, and it is left alone."""
    lab.cron_job("report").does_not_overlap()


@check(points=1)
def test_cleaned_up(lab):
    """Within a minute after `squares` is complete, Job and Pods are gone."""
    lab.job("squares").is_cleaned_up(within=60)
