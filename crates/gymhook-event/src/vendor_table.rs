//! `for_each_vendor!`: the one table of the vendors that have a module in this crate; everything that lists them is
//! made from it.

/// Calls the macro `$then` with one row for each vendor: the documentation of its constant and of its variant, the constant and
/// the id of its [`Vendor`](crate::Vendor), the variant of [`AnyNotification`](crate::AnyNotification), and its module.
///
/// A module has `Notification`, `EventType` as `open_names!` makes it, with `kind`, and `samples`. The order of the rows is the
/// order of every list, so a new row goes to the end.
macro_rules! for_each_vendor {
    ($then:ident) => {
        $then! {
            /// GymPoint, `gympoint.ai`.
            GYMPOINT = "gympoint", GymPoint(gympoint);
            /// EGYM, `developer.egym.com`.
            EGYM = "egym", Egym(egym);
            /// PerfectGym (the classic PGM), `kb.perfectgym.com`.
            PERFECTGYM = "perfectgym", PerfectGym(perfectgym);
            /// PerfectGym Next, the same Open API as Magicline, `developer.sportalliance.com`.
            PG_NEXT = "pg-next", PgNext(pg_next);
            /// Point by Key Point Technologies, `areyouonpoint.co`.
            POINT = "point", Point(point);
        }
    };
}

pub(crate) use for_each_vendor;
