//! Point: one type, many objects.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use gymhook_event::point::{EventType, InsightType, Item, Notification, Source, Workout};
use gymhook_event::{DecodeError, Notification as _, decode, encode};
use time::UtcDateTime;

fn with_payload(event_type: &str, payload: &str) -> Notification {
    let body =
        format!(r#"{{"eventType":"{event_type}","userId":"u-1","clientId":"c-1","payload":{payload}}}"#);
    decode(body.as_bytes()).unwrap()
}

fn sample(event_type: &str) -> Notification {
    let samples = gymhook_event::point::samples();
    decode(samples.iter().find(|sample| sample.event_type == event_type).unwrap().body.as_bytes()).unwrap()
}

#[test]
fn a_workout_is_typed_in_full() {
    let notification = sample("workout.created");
    assert_eq!(notification.data_source(), Some("fitbit"));
    assert_eq!(notification.user_external_id(), Some(&"member-1042".into()));
    let workout = notification.items()[0].workout().unwrap();
    assert_eq!((workout.id, workout.activity_id), (Some(48211.into()), Some(7.into())));
    assert_eq!(workout.activity_name.as_deref(), Some("Spinning"));
    let digits = [workout.calories, workout.distance, workout.duration, workout.workout_intensity];
    assert_eq!(digits.map(|digits| digits.unwrap().as_str().to_owned()), ["412.75", "18.20", "2700", "2"]);
    let ratings = workout.ratings.unwrap();
    assert_eq!((ratings.energy, ratings.difficulty, ratings.instructor), (Some(4), Some(3), None));
    assert_eq!(workout.workout_recommendation_id, None);
    assert_eq!(workout.external_metadata.unwrap().get(), r#"{"device":"Charge 5"}"#);
    let times = [workout.start, workout.end, workout.created_at, workout.updated_at];
    let seconds = [1_669_053_300, 1_669_056_000, 1_669_056_240, 1_669_056_240];
    assert_eq!(times.map(|time| time.unwrap().to_utc().unwrap().unix_timestamp()), seconds);
}

#[test]
fn an_insight_is_typed_in_full() {
    let insight = sample("insight.created").items()[0].insight().unwrap();
    assert_eq!(insight.insight, Some(InsightType::RecordCaloriesBurned));
    assert_eq!(insight.additional_fields.unwrap().get(), r#"{"calories":412.75}"#);
    assert_eq!(insight.last_processed_at, None);
    let text = r#"[{"id":"9","insight":"moon_phase","additionalFields":"as the SDK has it"}]"#;
    let insight = with_payload("insight.created", text).items()[0].insight().unwrap();
    assert_eq!(
        (insight.id, insight.insight),
        (Some("9".into()), Some(InsightType::Other("moon_phase".into())))
    );
}

#[test]
fn the_names_of_insights_are_the_sdks() {
    let names = "exertion_optimal_am exertion_optimal_pm calorie_burn_optimal_am calorie_burn_optimal_pm \
        duration_optimal_am duration_optimal_pm hrv_decrease_medsev hrv_decrease_hisev record_calories_burned \
        record_calories_burned_across_all_workout_types record_exertion_rate \
        record_exertion_rate_across_all_workout_types most_efficient_workout_type longest_workout_type \
        avg_workout_calories_burned avg_workout_exertion_rate avg_workout_duration usual_workout_time \
        optimal_workout_routine duration_tip workout_hr_zone5_high_minutes week_hr_zones_low_minutes_burn_fat \
        week_hr_zones_low_minutes_burn_carb week_hr_zones_high_minutes_burn_carb week_hr_zone5_high_minutes \
        workout_intensity_too_high day_intensity_too_high first_workout_in_a_while_intensity_too_high activity_level";
    assert_eq!(InsightType::ALL.len(), 29);
    for name in names.split_whitespace() {
        assert!(!matches!(InsightType::from(name), InsightType::Other(_)), "{name}");
        assert_eq!(InsightType::from(name).as_str(), name);
    }
}

#[test]
fn every_object_is_an_event() {
    let payload =
        r#"[{"id":1,"createdAt":"2022-11-21T18:44:00Z"},{"id":2,"end":"2022-11-21T18:40:00Z"},null,7]"#;
    let notification = with_payload("workout.created", payload);
    let seconds = |at: Option<UtcDateTime>| at.map(UtcDateTime::unix_timestamp);
    let times: Vec<_> =
        notification.events().map(|event| (seconds(event.occurred_at), seconds(event.recorded_at))).collect();
    let wanted = [(None, Some(1_669_056_240)), (Some(1_669_056_000), None), (None, None), (None, None)];
    assert_eq!(times, wanted, "neither replaces the other");
    let data: Vec<_> = notification.events().map(|event| event.data.map(|json| json.get())).collect();
    let objects =
        [r#"{"id":1,"createdAt":"2022-11-21T18:44:00Z"}"#, r#"{"id":2,"end":"2022-11-21T18:40:00Z"}"#, "7"];
    assert_eq!(data, [Some(objects[0]), Some(objects[1]), None, Some(objects[2])]);
}

#[test]
fn each_time_is_read_by_itself() {
    let seconds = |at: Option<UtcDateTime>| at.map(UtcDateTime::unix_timestamp);
    for (event_type, item, occurred_at, recorded_at) in [
        (
            "workout.created",
            r#""end":"2022-11-21T18:40:00Z","createdAt":1669056240"#,
            Some(1_669_056_000),
            None,
        ),
        ("workout.created", r#""end":"soon","createdAt":"2022-11-21T18:44:00Z""#, None, Some(1_669_056_240)),
        ("workout.created", r#""end":{},"createdAt":"2022-11-21T18:44:00Z""#, None, Some(1_669_056_240)),
        (
            "insight.created",
            r#""end":"2022-11-21T18:40:00Z","createdAt":"2022-11-21T18:44:00Z""#,
            Some(1_669_056_240),
            Some(1_669_056_240),
        ),
        ("insight.created", r#""end":"2022-11-21T18:40:00Z""#, None, None),
    ] {
        let notification = with_payload(event_type, &format!("[{{{item}}}]"));
        let event = notification.event(0).unwrap();
        let times = (seconds(event.occurred_at), seconds(event.recorded_at));
        assert_eq!(times, (occurred_at, recorded_at), "{item}");
    }
}

#[test]
fn an_empty_payload_is_still_an_announcement() {
    let notification = with_payload("workout.created", "[]");
    assert_eq!(notification.events().len(), 1);
    assert!(notification.event(0).unwrap().data.is_none());
    assert!(notification.event(1).is_none());
    assert_eq!(notification.dedupe_key(), None);
}

#[test]
fn the_key_needs_client_and_every_id() {
    let key = |event_type: &str, payload: &str| {
        with_payload(event_type, payload).dedupe_key().map(|key| key.to_string())
    };
    let workouts = key("workout.created", r#"[{"id":10},{"id":9}]"#);
    assert_eq!(workouts, key("workout.created", r#"[{"id":9,"x":1},{"id":10}]"#), "order does not matter");
    assert_eq!(workouts.as_deref(), Some("point:c-1:u-1:workout.created:9:10"));
    assert_ne!(workouts, key("insight.created", r#"[{"id":10},{"id":9}]"#));
    assert_ne!(workouts, key("workout.created", r#"[{"id":10}]"#));
    assert_eq!(key("workout.created", r#"[{"id":10},{}]"#), None);
    assert_eq!(key("workout.updated", r#"[{"id":10}]"#), None, "one object may be updated twice");
    assert_eq!(key("workout.created", r#"[{"id":""}]"#), None, "an empty id names nothing");
    let of = |user: &str, client: &str| {
        let body = format!(
            r#"{{"eventType":"workout.created","userId":"{user}","clientId":"{client}","payload":[{{"id":1}}]}}"#
        );
        decode::<Notification>(body.as_bytes()).unwrap().dedupe_key().map(|key| key.to_string())
    };
    assert_ne!(of("u-1", "c-1"), of("u-2", "c-1"), "two people's workouts never merge");
    assert_eq!((of("", "c-1"), of("u-1", "")), (None, None), "what is empty names nobody");
    let nobody: Notification =
        decode(br#"{"eventType":"workout.created","userId":"u","payload":[{"id":1}]}"#).unwrap();
    assert_eq!(nobody.dedupe_key(), None);
}

#[test]
fn absent_and_null_stay_what_they_were() {
    for rest in ["", r#","userExternalId":null,"dataSource":null,"clientId":null"#, r#","userExternalId":17"#]
    {
        let body =
            format!(r#"{{"eventType":"workout.created","userId":"u"{rest},"payload":[],"new":{{"a":1.0}}}}"#);
        let notification: Notification = decode(body.as_bytes()).unwrap();
        assert_eq!(encode(&notification).unwrap(), body.as_bytes());
    }
}

#[test]
fn the_required_fields_are_named() {
    let body = [r#""eventType":"x""#, r#""userId":"u""#, r#""payload":[]"#];
    for (left_out, name) in ["eventType", "userId", "payload"].into_iter().enumerate() {
        let mut fields = body.to_vec();
        fields.remove(left_out);
        let error = decode::<Notification>(format!("{{{}}}", fields.join(",")).as_bytes()).unwrap_err();
        assert!(matches!(&error, DecodeError::Missing { field, .. } if field == name), "{error}");
    }
}

#[test]
fn a_notification_is_made_from_its_parts() {
    let mut workout = Workout::default();
    workout.id = Some(1.into());
    workout.calories = Some("310.50".parse().unwrap());
    let source = Source::new("u-1", "fitbit", "c-1");
    let notification =
        Notification::new(EventType::WorkoutCreated, source, vec![Item::new(&workout).unwrap()]);
    let body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":null,"dataSource":"fitbit","clientId":"c-1","payload":[{"id":1,"calories":310.50}]}"#;
    assert_eq!(encode(&notification).unwrap(), body);
}
