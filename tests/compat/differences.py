"""The tests of Optuna that a study of `bohb` does not pass, each with the reason why it must not.

They are named without their parameters; some of them pass with some parameters.
"""

SAMPLER = "The default sampler is bohb's own: with one objective it is a BOHBSampler."

CALLS = (
    "A trial in a bracket is called once for each rung it gets to, pauses in between, and is "
    "COMPLETE or PRUNED only when its rung was decided. So `n_trials` configurations are more "
    "calls than `n_trials`, and fewer of them are COMPLETE."
)
STOP = (
    "A callback is called when a trial has finished, which is later than its first leg: by then "
    "other trials of the rung have started."
)
TOLD = "`tell` says how a trial did at its resource. Below the highest one the trial is paused."
REFUSED = (
    "A value that is no number is refused, and the trial can be told again: it is not failed for "
    "a slip of the program that tells."
)
INFINITE = "A value that is not finite cannot be ranked among others, so the trial has failed."
ATTRIBUTES = "Trials of a bracket have attributes of ours, such as `bohb:leg` and `bohb:standing`."
PROPOSALS = (
    "All proposals are made one after another, also with several workers, so nothing is drawn "
    "twice and the sampler needs no new seed."
)
BAR = "The bar counts trials, resource or seconds, not iterations; it has no rate."
PLANNED = "A call without a limit is one round of the plan, so its bar has an end."
PARALLEL_BAR = "A bar of a timeout is shown with several workers as well."
LOG = (
    "A study in brackets logs evaluations, promotions and cuts under the logger `bohb`, and not "
    "each trial under Optuna's."
)
OWNED = "One process at a time may `ask` and `tell` in brackets."
THREADS = "A second call of `optimize` joins the first, and works towards the limits of that one."
AFTER_TRIAL = "The sampler is told of a trial when it has finished, which is after its last leg."

WITHOUT_BRACKETS = {
    "test_create_study_default_sampler": SAMPLER,
    "test_load_study_default_sampler": SAMPLER,
}

IN_BRACKETS = {
    **WITHOUT_BRACKETS,
    "test_after_trial_failing_in_after_trial": AFTER_TRIAL,
    "test_after_trial_with_study_tell": AFTER_TRIAL,
    "test_best_trial_constrained_optimization": TOLD,
    "test_enqueue_trial_properly_sets_user_attr": ATTRIBUTES,
    "test_get_trials_state_option": CALLS,
    "test_lazy_trial_system_attrs": ATTRIBUTES,
    "test_log_completed_trial": LOG,
    "test_optimize_infinite_budget_progbar": PLANNED,
    "test_optimize_parallel": CALLS,
    "test_optimize_parallel_timeout": CALLS,
    "test_optimize_progbar_n_trials_prioritized": BAR,
    "test_optimize_progbar_no_constraints": PLANNED,
    "test_optimize_with_catch": CALLS,
    "test_optimize_with_gc": CALLS,
    "test_optimize_with_progbar": BAR,
    "test_optimize_with_progbar_parallel_timeout": PARALLEL_BAR,
    "test_optimize_with_reseeding": PROPOSALS,
    "test_optimize_with_thread_pool_executor": THREADS,
    "test_stop_in_callback": STOP,
    "test_stop_n_jobs": STOP,
    "test_stop_with_MaxTrialsCallback": STOP,
    "test_tell": TOLD,
    "test_tell_automatically_fail": REFUSED,
    "test_tell_from_another_process": OWNED,
    "test_tell_pruned": TOLD,
    "test_trials_dataframe": ATTRIBUTES,
    "test_trials_dataframe_with_failure": ATTRIBUTES,
}
