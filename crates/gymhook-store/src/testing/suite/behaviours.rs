//! All behaviours, by area. Made from their functions:
//! `GYMHOOK_WRITE_TABLES=1 cargo test -p gymhook-store --test behaviours`.

/// All behaviours, by area: given to a macro, after its first arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_behaviours {
    ($callback:ident $($arguments:tt)*) => {
        $crate::$callback! { $($arguments)*
            api_keys {
                a_key_is_found_by_its_digest
                a_key_is_found_by_its_id
                a_key_is_changed_and_revoked
                a_digest_is_one_keys
                the_oldest_is_listed_first
                the_earlier_end_counts
                an_empty_label_is_refused
                a_label_that_cannot_be_stored_is_refused
                a_revoked_key_is_not_rotated
                a_key_has_one_successor
                one_of_several_rotates
                a_rotation_undoes_no_revocation
                a_key_has_an_owner
                an_owner_that_cannot_be_stored_is_refused
                keys_have_pages
                a_cursor_is_of_the_gym_that_is_asked_for
                a_rotation_to_a_taken_id_is_a_conflict
            }
            commands {
                commands_are_kept_in_order
                a_command_for_nobody_is_no_error
                a_command_waits_until_it_is_due
                numbers_are_not_used_again
                what_was_given_up_is_redelivered
                what_has_ended_is_redelivered
                a_range_has_its_first_moment_and_not_its_last
                a_redelivery_is_a_command_to_the_worker
                nobody_has_nothing_to_redeliver
                a_deleted_endpoint_has_no_commands
            }
            commit {
                every_state_comes_back
                the_state_follows_the_record
                an_endpoints_record_comes_back
                only_the_last_record_counts
                a_record_makes_no_delivery
                what_is_sent_comes_back
                attempts_are_logged
                every_outcome_comes_back
                a_batch_may_be_repeated
                commands_are_struck_off
                a_renewed_lease_lasts
                a_commit_renews_nothing_by_itself
                a_lease_given_back_is_free
                an_empty_batch_is_nothing
                a_captured_nul_holds_nothing_up
            }
            conditional_writes {
                another_gym_s_is_not_written
                a_new_one_replaces_none
                a_conditional_change_overwrites_no_other
                a_conditional_deletion_deletes_what_was_read
            }
            damage {
                a_fetch_goes_on
                pages_go_on
                a_lease_goes_on
                the_log_goes_on
                a_later_commit_leaves_it_alone
                its_id_is_taken
                a_damaged_body_is_not_sent
                a_damaged_body_stays_quarantined
                an_unknown_outcome_is_said
            }
            durability {
                what_was_enqueued_is_there
                what_was_committed_is_there
                a_lease_is_still_held
                settings_are_there
                what_was_purged_is_gone
            }
            enqueue {
                a_new_one_is_kept_whole
                the_same_one_again_is_a_duplicate
                a_duplicate_tells_the_state
                a_duplicate_may_ask_for_another_time
                an_id_means_one_thing
                an_id_means_one_thing_in_one_batch
                an_unknown_endpoint_is_refused
                a_deleted_endpoint_is_refused
                the_sequence_grows
                it_is_due_when_asked_for
                a_due_time_is_rounded_up
                a_test_event_is_marked
                an_empty_batch_is_nothing
                a_body_is_kept_byte_for_byte
                an_event_type_is_any_text
                an_origin_is_kept
                a_large_batch_is_taken_whole
                what_cannot_be_stored_is_refused_alone
            }
            fences {
                who_has_lost_the_lease_changes_nothing
                a_lease_writes_nothing_about_another_endpoints_delivery
                two_leases_on_one_endpoint_write_nothing
                the_other_endpoints_are_written
                a_lease_that_was_never_given_writes_nothing
                what_no_lease_covers_is_not_written
                a_lease_that_ran_out_and_was_not_taken_still_writes
                the_new_owner_is_not_overwritten
                a_lost_lease_is_not_renewed
                a_deleted_endpoint_is_lost
                a_loss_is_told_once
                a_lease_strikes_off_no_command_of_another_endpoint
            }
            fetch {
                what_is_due_comes_by_due_time_and_then_by_sequence
                what_is_not_due_is_not_fetched
                nothing_to_come_has_no_time
                the_next_time_is_that_of_what_waits
                only_what_waits_is_fetched
                pages_have_no_gaps
                a_page_goes_on_after_its_cursor
                an_ordered_endpoint_goes_by_sequence
                an_ordered_cursor_goes_by_sequence_alone
                a_limit_of_zero_brings_no_deliveries
                several_endpoints_are_read_at_once
                a_fetch_sees_the_last_commit
                a_fetch_sees_what_was_enqueued_meanwhile
                commands_come_with_their_delivery
                a_test_event_is_fetched_whatever_waits_before_it
            }
            find {
                by_type
                by_several_types
                by_gym
                by_time
                by_everything_at_once
                every_combination
            }
            follow_ups {
                what_follows_is_enqueued_with_the_record
                a_lost_lease_enqueues_nothing
                a_repeated_batch_enqueues_once
                a_refused_one_keeps_nothing_else_back
                two_batches_enqueue_the_same_one_once
                each_worker_hears_of_it
            }
            handled_on_arrival {
                what_needs_no_handler_is_delivered_with_what_follows
                a_duplicate_enqueues_nothing
                what_is_refused_enqueues_nothing
                what_cannot_be_passed_on_waits_for_its_handler
                what_follows_from_two_follows_once
                the_same_one_at_a_time_is_handled_once
                nothing_follows_from_what_could_not_be_read
                what_was_read_again_is_handled
                workers_hear_of_what_follows
            }
            journal {
                the_latest_entry_comes_first
                only_the_newest_entries_are_kept
                journals_do_not_mix
                entries_are_found_by_gym_and_subject
                entries_appended_at_once_are_all_there
                an_entry_that_cannot_be_stored_is_refused
                a_damaged_entry_is_skipped
                a_purge_leaves_journals_alone
                a_journal_survives
            }
            lease {
                only_what_has_something_to_do_is_leased
                what_becomes_due_is_leased
                a_lease_brings_the_subscription
                a_lease_is_left_alone
                each_direction_is_leased_by_itself
                a_lease_runs_out
                the_next_end_is_that_of_another_worker
                the_number_grows
                leases_are_disjoint
                a_request_is_kept_to
                an_endpoint_named_twice_is_leased_once
                the_longest_without_an_owner_comes_first
                a_disabled_endpoint_rests
                disabling_and_enabling_count
                a_disabled_endpoint_is_leased_for_commands
                a_disabled_endpoint_is_leased_for_a_test_event
                a_command_is_leased_when_due
                what_was_under_way_is_passed_on
                a_disabled_endpoint_is_leased_for_what_was_under_way
                taking_over_ends_leases_or_does_nothing
                a_clone_is_the_same_store
                a_lease_may_last_for_ever
            }
            mending {
                a_duplicate_brings_the_body_back
                a_repeat_brings_the_body_back
                what_was_quarantined_for_its_body_is_delivered
                what_is_said_late_of_a_quarantined_one_is_not_heard
                a_damaged_row_is_not_mended
                several_mend_it_at_once
            }
            notices {
                a_notice_comes_as_it_was_written
                the_oldest_is_told_first
                a_notice_is_claimed_by_one
                a_claim_ends
                what_was_acknowledged_is_not_told_again
                a_notice_is_written_once
                who_has_lost_the_lease_tells_nobody
                a_notice_survives
                what_was_acknowledged_is_forgotten_and_nothing_else
                one_of_several_is_told
            }
            purge {
                only_what_has_ended_is_forgotten
                what_ended_later_is_kept
                it_is_done_in_batches
                bodies_and_attempts_go_too
                a_forgotten_id_is_as_good_as_new
                a_command_about_a_forgotten_one_finds_none
                a_commit_brings_nothing_back
                what_waited_at_a_deleted_subscription_is_forgotten
                what_was_quarantined_at_a_deleted_subscription_is_forgotten
                an_attempt_of_a_forgotten_one_is_not_kept
            }
            queries {
                the_latest_comes_first
                a_row_names_gym_and_platform
                the_log_can_be_narrowed
                the_log_has_pages
                attempts_have_pages
                pages_stand_still_while_more_comes
                what_is_not_there_is_not_found
                an_empty_store_is_empty
                the_largest_limit_is_none
            }
            races {
                one_of_several_enqueues
                one_of_several_bodies_is_kept
                opposite_batches_do_not_block_each_other
                one_of_several_repeats_is_new
                one_of_several_is_new_when_a_window_ends
                opposite_batches_of_repeats_do_not_block_each_other
                workers_lease_different_endpoints
                what_comes_in_goes_out_once
                a_subscription_is_one_gym_s
                one_of_several_creates_a_subscription
                no_change_is_lost
                one_of_several_changes_or_deletes
            }
            repeats {
                one_of_equal_fingerprints_is_kept
                a_repeat_in_one_batch_is_recognised
                a_window_ends_to_the_microsecond
                a_window_is_rounded_up
                a_window_may_have_any_length
                a_clock_that_goes_back_ends_no_window
                the_id_is_compared_first
                what_is_over_is_repeated_too
                what_was_purged_is_not_repeated
                what_was_quarantined_is_not_repeated
                what_is_refused_is_not_repeated
                a_repeat_is_recognised_after_a_restart
                the_one_that_is_kept_is_sent
            }
            stats {
                what_ended_is_counted_by_window
                everything_is_counted
                a_deleted_subscription_is_not_counted
                an_endpoint_is_counted_alone
                the_oldest_has_been_due_the_longest
            }
            subscriptions {
                what_was_put_is_there
                a_change_keeps_the_record
                a_change_keeps_the_lease
                a_new_subscription_gives_no_work
                a_change_is_told_to_the_worker
                they_are_listed_by_id
                they_are_listed_by_platform
                a_list_has_pages
                ids_are_sorted_by_their_bytes
                a_deleted_one_is_not_listed
                a_deletion_tells_whether_there_was_one
                a_deleted_one_stays_deleted
                none_changes_its_direction
                a_handler_has_neither_url_nor_secrets
                a_url_is_kept_as_it_is
                a_deleted_one_is_never_leased
                what_a_deleted_one_had_under_way_ends
                what_cannot_be_stored_is_refused
                a_list_goes_on_past_one_that_cannot_be_read
            }
            unreadable {
                it_is_kept_and_sent_to_nobody
                the_same_again_repeats_it
                what_is_read_takes_its_place
                a_refusal_leaves_it_there
                only_what_is_unreadable_is_forgotten
                it_is_purged_when_it_is_old
                it_is_there_after_a_restart
            }
            workers {
                the_others_hear_it_whole
                directions_do_not_hear_each_other
                the_latest_counts
                it_counts_until_its_time
                it_is_withdrawn
            }
        }
    };
}
