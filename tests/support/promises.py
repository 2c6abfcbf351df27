"""Say which functional tests rest on more than the reduced promise that pinstall makes for pips without a report."""

from __future__ import annotations

from typing import Final

REPORTS: Final = (22, 2)
"""The first pip that writes an installation report, has `--dry-run`, and so can be held to hashes."""

EDITABLE: Final = frozenset(
    {
        "test_a_requirement_of_each_kind[editable]",
        "test_another_build_of_the_installed_version_may_need_something_else",
        "test_editable[file]",
        "test_the_users_story[versions]",
        "test_what_has_no_pin_of_contents_but_is_allowed_always_goes_to_pip",
        "test_what_pip_has_downloaded_tells_what_it_needs",
        "test_what_pip_noted_of_its_origin_is_told",
    }
)
"""Tests that need 21.3, the first pip that takes editables without a setup.py and caches what comes over plain http."""

FULL_PROMISE: Final = frozenset(
    {
        "test_a_constraint_also_pins_what_a_local_directory_needs",
        "test_a_direct_url_whose_poison_is_installed_already_does_not_hold",
        "test_a_failure_is_told_by_the_release_that_pip_has_just_replaced",
        "test_a_hash_that_a_run_of_pinstall_proved_holds_from_then_on",
        "test_a_local_wheel_is_a_pin_of_its_present_bytes",
        "test_a_pin_that_does_not_hold_although_pip_was_content_is_shown",
        "test_a_report_to_a_fifo_arrives_whole",
        "test_a_report_to_standard_output_is_what_pip_alone_prints",
        "test_a_satisfied_report_is_empty_and_written_by_pip",
        "test_a_users_report_also_proves_hashes",
        "test_an_option_that_demands_more_always_starts_pip[--dry-run]",
        "test_an_option_that_demands_more_always_starts_pip[--report=r.json]",
        "test_another_artifact_that_cannot_be_had_is_an_error_of_ours_and_what_was_there_stays",
        "test_damage_is_told",
        "test_dry_run_changes_nothing",
        "test_elsewhere",
        "test_files_that_two_projects_have_are_told_in_one_line_for_all",
        "test_of_an_environment_that_plain_pip_made_exactly_the_unproven_are_reinstalled_and_only_once",
        "test_only_the_mismatched_project_is_fetched_again",
        "test_only_the_reinstallation_for_proof_failed",
        "test_our_report_and_a_lock_go_into_a_pipe_which_stays_one",
        "test_our_report_is_there_when_the_run_fails[cc==1.0 --hash-65-unproven]",
        "test_quiet_does_not_hide_what_is_wrong",
        "test_refuse_reinstalls_nothing_and_fails",
        "test_report",
        "test_standard_input_serves_every_pip_of_a_run",
        "test_the_other_artifact_of_the_same_version_is_replaced",
        "test_the_reinstallation_for_proof_is_not_led_astray_either",
        "test_the_reinstallation_for_proof_uses_the_cache_that_the_command_line_names",
        "test_the_users_report_is_what_pip_alone_writes",
        "test_the_users_story[hashes]",
        "test_what_is_installed_from_a_local_directory_is_known_before_pip_runs",
        "test_what_the_ledger_proved_counts_no_more_once_the_record_is_another",
    }
)
"""Tests of `tests/functional`, with or without their parameters, that need such a pip."""
