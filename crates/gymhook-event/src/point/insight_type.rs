//! `InsightType`: the names of Point's insights.

use crate::open_names::open_names;

open_names! {
    /// What an insight is about; the names are those of Point's SDKs, the readings of them this crate's.
    pub enum InsightType {
        /// The morning suits high exertion best.
        ExertionOptimalAm = "exertion_optimal_am",
        /// The evening suits high exertion best.
        ExertionOptimalPm = "exertion_optimal_pm",
        /// The morning suits burning calories best.
        CalorieBurnOptimalAm = "calorie_burn_optimal_am",
        /// The evening suits burning calories best.
        CalorieBurnOptimalPm = "calorie_burn_optimal_pm",
        /// The morning suits long workouts best.
        DurationOptimalAm = "duration_optimal_am",
        /// The evening suits long workouts best.
        DurationOptimalPm = "duration_optimal_pm",
        /// Heart rate variability fell, medium severity.
        HrvDecreaseMedsev = "hrv_decrease_medsev",
        /// Heart rate variability fell, high severity.
        HrvDecreaseHisev = "hrv_decrease_hisev",
        /// A record of calories burned in one kind of workout.
        RecordCaloriesBurned = "record_calories_burned",
        /// A record of calories burned in any kind of workout.
        RecordCaloriesBurnedAcrossAllWorkoutTypes = "record_calories_burned_across_all_workout_types",
        /// A record of the exertion rate in one kind of workout.
        RecordExertionRate = "record_exertion_rate",
        /// A record of the exertion rate in any kind of workout.
        RecordExertionRateAcrossAllWorkoutTypes = "record_exertion_rate_across_all_workout_types",
        /// The kind of workout that is most efficient.
        MostEfficientWorkoutType = "most_efficient_workout_type",
        /// The kind of workout that lasts longest.
        LongestWorkoutType = "longest_workout_type",
        /// Calories burned in an average workout.
        AvgWorkoutCaloriesBurned = "avg_workout_calories_burned",
        /// The exertion rate of an average workout.
        AvgWorkoutExertionRate = "avg_workout_exertion_rate",
        /// How long an average workout takes.
        AvgWorkoutDuration = "avg_workout_duration",
        /// When the person usually works out.
        UsualWorkoutTime = "usual_workout_time",
        /// The routine that suits the person best.
        OptimalWorkoutRoutine = "optimal_workout_routine",
        /// Advice about how long to work out.
        DurationTip = "duration_tip",
        /// Many minutes of a workout in heart rate zone 5.
        WorkoutHrZone5HighMinutes = "workout_hr_zone5_high_minutes",
        /// Few minutes of the week in the zones that burn fat.
        WeekHrZonesLowMinutesBurnFat = "week_hr_zones_low_minutes_burn_fat",
        /// Few minutes of the week in the zones that burn carbohydrates.
        WeekHrZonesLowMinutesBurnCarb = "week_hr_zones_low_minutes_burn_carb",
        /// Many minutes of the week in the zones that burn carbohydrates.
        WeekHrZonesHighMinutesBurnCarb = "week_hr_zones_high_minutes_burn_carb",
        /// Many minutes of the week in heart rate zone 5.
        WeekHrZone5HighMinutes = "week_hr_zone5_high_minutes",
        /// A workout was too intense.
        WorkoutIntensityTooHigh = "workout_intensity_too_high",
        /// A day was too intense.
        DayIntensityTooHigh = "day_intensity_too_high",
        /// The first workout in a while was too intense.
        FirstWorkoutInAWhileIntensityTooHigh = "first_workout_in_a_while_intensity_too_high",
        /// How active the person is.
        ActivityLevel = "activity_level",
    }
}
