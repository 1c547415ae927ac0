//! Who gets what, and in which form.

use gymhook::event::{Kind, Vendor};
use gymhook_engine::Inbox;
use gymhook_engine::store::DeliveryQuery;
use gymhook_service::Form;
use http::StatusCode;

use crate::application::Application;
use crate::gateway::{Gateway, check_in, destination, secret_of, settings, source, sqlite};

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_gets_what_it_wants_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.sources =
        vec![source(Vendor::PG_NEXT, &["berlin", "poznan"]), source(Vendor::EGYM, &["berlin"])];
    let (all, kinds, studios, sources, none) = (
        Application::start().await,
        Application::start().await,
        Application::start().await,
        Application::start().await,
        Application::start().await,
    );
    settings.destinations = vec![destination("all", &all), destination("kinds", &kinds)];
    settings.destinations[1].kinds = vec![Kind::CheckIn, Kind::MemberCreated];
    let mut of_studio = destination("studio", &studios);
    of_studio.studios = vec!["poznan".to_owned()];
    let mut of_source = destination("source", &sources);
    of_source.sources = vec!["egym".to_owned()];
    let mut of_nothing = destination("nothing", &none);
    of_nothing.kinds = vec![Kind::PaymentFailed];
    settings.destinations.extend([of_studio, of_source, of_nothing]);
    let gateway = Gateway::start(sqlite(folder.path()), settings).await;

    let two = r#"{"entityId":1,"uuid":"two","payload":[{"timestamp":1,"type":"CUSTOMER_CREATED"},
        {"timestamp":1,"type":"CUSTOMER_DELETED"}]}"#;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", two).await, StatusCode::OK);
    let secret = secret_of(1, "poznan");
    let status = gateway.receive_signed(Vendor::PG_NEXT, "poznan", &secret, "", &check_in("one")).await;
    assert_eq!(status, StatusCode::OK);
    let egym = r#"{"accountId":"a","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    assert_eq!(gateway.receive(Vendor::EGYM, "", egym).await, StatusCode::OK);

    all.until_taken(4).await;
    gateway.until_idle().await;
    let types = |application: &Application| {
        let mut types: Vec<String> = application
            .taken()
            .iter()
            .map(|request| request.event()["data"]["type"].as_str().unwrap().to_owned())
            .collect();
        types.sort_unstable();
        types
    };
    assert_eq!(types(&all), ["CUSTOMER_CHECKIN", "CUSTOMER_CREATED", "CUSTOMER_DELETED", "GYM_CHECKIN"]);
    assert_eq!(types(&kinds), ["CUSTOMER_CHECKIN", "CUSTOMER_CREATED", "GYM_CHECKIN"]);
    assert_eq!(types(&studios), ["CUSTOMER_CHECKIN"]);
    assert_eq!(types(&sources), ["GYM_CHECKIN"]);
    assert!(types(&none).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_arrives_byte_for_byte_with_its_proof() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let mut settings = settings();
    settings.sources = vec![source(Vendor::POINT, &["Köln Süd"])];
    settings.destinations = vec![destination("app", &application)];
    settings.destinations[0].form = Form::Original;
    let gateway = Gateway::start(sqlite(folder.path()), settings).await;
    let body = "{ \"eventType\":\"workout.created\",\n\"userId\":\"u\", \"payload\":[{\"id\":1},{\"id\":2,\"x\":\"\u{f6}\"}] }";
    assert_eq!(gateway.receive(Vendor::POINT, "", body).await, StatusCode::OK);
    let taken = application.until_taken(1).await;
    gateway.until_idle().await;
    assert_eq!((taken.len(), &*taken[0].body), (1, body.as_bytes()));
    let header = |name| taken[0].header(name);
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("gymhook-platform"), "point");
    assert_eq!(header("gymhook-source"), "point");
    assert_eq!(header("gymhook-key"), "K%C3%B6ln%20S%C3%BCd");
    assert_eq!(header("gymhook-proved"), "sender body time");
    let item = gateway.engine().deliveries(in_inbox("point")).await.unwrap().items[0].id;
    assert_eq!(header("gymhook-id"), item.to_string());
}

fn in_inbox(source: &str) -> DeliveryQuery {
    DeliveryQuery { endpoint: Some(Inbox::id_of(source)), ..DeliveryQuery::new(10) }
}

/// What came before a destination was there is passed on to it by redelivering the item; the others have it.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_redelivered_goes_to_those_that_do_not_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Application::start().await, Application::start().await);
    let mut first = settings();
    first.destinations = vec![destination("old", &old)];
    let gateway = Gateway::start(sqlite(folder.path()), first).await;
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);
    old.until_taken(1).await;
    gateway.until_idle().await;
    gateway.service.shutdown().await;
    drop(gateway);

    let mut second = settings();
    second.destinations = vec![destination("old", &old), destination("new", &new)];
    let gateway = Gateway::start(sqlite(folder.path()), second).await;
    let item = gateway.engine().deliveries(in_inbox("pg-next")).await.unwrap().items[0].id;
    assert!(gateway.engine().redeliver(item).await.unwrap());
    new.until_taken(1).await;
    gateway.until_idle().await;
    assert_eq!((old.taken().len(), new.taken().len()), (1, 1));
    assert_eq!(old.taken()[0].body, new.taken()[0].body);
}
