//! Screens, written by hand, and the keys that lead to them.

use bytes::Bytes;
use gymhook::cloud_event::EventRecord;
use gymhook::event::{Event, Kind, Subject, SubjectId, SubjectKind, Vendor};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use time::UtcDateTime;

use super::keys::Effect;
use super::resender::Told;
use super::state::State;
use super::view;
use crate::local_endpoint::{Shown, Whole};

fn event(event_type: &str, id: &str) -> EventRecord {
    let account = Subject::new(SubjectKind::Account, Some(SubjectId::Text(id)));
    EventRecord::from(Event::new(Vendor::EGYM, event_type, Kind::CheckIn).with_subject(account))
}

fn accepted(id: i64, event_type: &str) -> Shown {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-api-key"), HeaderValue::from_static("canary"));
    headers.insert(HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"));
    Shown {
        id,
        at: UtcDateTime::UNIX_EPOCH,
        platform: "egym",
        method: Method::POST,
        uri: Uri::from_static("/hooks"),
        status: 200,
        verdict: "accepted",
        reason: None,
        detail: None,
        key: Some("main".to_owned()),
        proves: vec!["sender"],
        events: vec![event(event_type, "a-1")],
        dedupe_key: None,
        attempt: 1,
        repeat: None,
        rehearsed: false,
        forwarded: None,
        body_bytes: 2,
        whole: Some(Whole { headers, body: Bytes::from_static(b"{}") }),
        refused: None,
    }
}

fn refused(id: i64) -> Shown {
    Shown {
        status: 401,
        verdict: "refused",
        reason: Some("unknown-key"),
        detail: Some("no key is this one".to_owned()),
        events: Vec::new(),
        key: None,
        proves: Vec::new(),
        ..accepted(id, "")
    }
}

fn state(requests: impl IntoIterator<Item = Shown>) -> State {
    let mut state = State::new("http://127.0.0.1:8080".to_owned(), "egym".to_owned(), false);
    (state.columns, state.rows) = (72, 7);
    for request in requests {
        state.add(request, "10:10:28".to_owned());
    }
    state
}

fn press(state: &mut State, keys: &str) -> Option<Effect> {
    let mut effect = None;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            other => KeyCode::Char(other),
        };
        effect = state.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
    effect
}

/// The screen's lines, without the spaces at their ends.
fn screen(state: &State) -> Vec<String> {
    let (columns, rows) = (u16::try_from(state.columns).unwrap(), u16::try_from(state.rows).unwrap());
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view::draw(state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..rows).map(line).collect()
}

const KEYS: &str = "q end  ↑↓ choose  Enter details  / filter  r again  R signed anew  c cur";

#[test]
fn an_empty_list_says_so() {
    assert_eq!(
        screen(&state([])),
        [
            "http://127.0.0.1:8080 for egym                     0 requests, 0 refused",
            "nothing has come yet",
            "",
            "",
            "",
            "",
            KEYS,
        ]
    );
}

#[test]
fn the_newest_is_chosen_until_another_one_is() {
    let mut state = state([accepted(1, "GYM_CHECKIN"), refused(2)]);
    assert_eq!(
        screen(&state),
        [
            "http://127.0.0.1:8080 for egym                     2 requests, 1 refused",
            "     1  10:10:28  200  egym        GYM_CHECKIN = check-in, account a-1",
            ">    2  10:10:28  401  egym        refused for unknown-key: no key is th",
            "",
            "",
            "",
            KEYS,
        ]
    );
    state.add(accepted(3, "TEST"), "10:10:29".to_owned());
    assert!(screen(&state)[3].starts_with(">    3"));
    press(&mut state, "k");
    state.add(accepted(4, "TEST"), "10:10:29".to_owned());
    assert!(screen(&state)[2].starts_with(">    2"), "who looks at one is left there");
    press(&mut state, "G");
    for id in 5..=9 {
        state.add(accepted(id, "TEST"), "10:10:29".to_owned());
    }
    let lines = screen(&state);
    assert!(lines[1].starts_with("     6") && lines[4].starts_with(">    9"), "the list scrolls: {lines:?}");
    press(&mut state, "g");
    assert!(screen(&state)[1].starts_with(">    1"));
}

#[test]
fn a_filter_keeps_what_has_all_its_words() {
    let mut state = state([accepted(1, "GYM_CHECKIN"), refused(2), accepted(3, "TEST")]);
    press(&mut state, "/checkin 20x\u{8}0");
    assert_eq!(
        screen(&state)[1..],
        [
            ">    1  10:10:28  200  egym        GYM_CHECKIN = check-in, account a-1",
            "",
            "",
            "",
            "filter: checkin 200_",
            "words that all have to be there  Enter keep  Esc clear",
        ]
    );
    press(&mut state, "\n");
    assert_eq!(screen(&state)[5], "1 of 3 fit the filter \"checkin 200\"; Esc clears it");
    press(&mut state, "/ nowhere\n");
    assert_eq!(screen(&state)[1], "no request fits the filter");
    assert!(press(&mut state, "\nrRc").is_none(), "there is nothing to open, to send or to copy");
    press(&mut state, "\u{1b}");
    assert!(screen(&state)[3].starts_with(">    3"));
}

#[test]
fn the_details_of_a_request_hide_its_key() {
    let mut state = state([accepted(1, "GYM_CHECKIN")]);
    state.rows = 12;
    press(&mut state, "\n");
    assert_eq!(
        screen(&state),
        [
            "request 1  10:10:28  egym                          1 requests, 0 refused",
            "POST /hooks, 2 bytes",
            "200        GYM_CHECKIN = check-in, account a-1",
            "key        main proves sender",
            "event      GYM_CHECKIN = check-in, account a-1",
            "headers",
            "  x-api-key: [REDACTED]",
            "  content-type: application/json",
            "body",
            "  {}",
            "",
            "q end  Esc back  ↑↓ scroll  n next  p previous  r again  R signed anew",
        ]
    );
    state.rows = 6;
    press(&mut state, "jjjjjjjjjjjjjjj");
    assert_eq!(
        screen(&state)[1..4],
        ["  content-type: application/json", "body", "  {}"],
        "it ends at its end"
    );
}

#[test]
fn a_request_is_sent_again_to_a_url_that_is_asked_for() {
    let mut state = state([accepted(1, "TEST"), refused(2)]);
    press(&mut state, "kR");
    assert_eq!(screen(&state)[5], "send to: _");
    let Some(Effect::Send(wish)) = press(&mut state, "http://127.0.0.1:3000/x\n") else { panic!() };
    assert_eq!(
        (wish.id, wish.to.as_deref(), wish.is_signed_anew),
        (1, Some("http://127.0.0.1:3000/x"), true)
    );
    state.tell(Told { id: 1, what: "200 in 3 ms from http://127.0.0.1:3000/x".to_owned() });
    assert_eq!(screen(&state)[5], "request 1 sent again: 200 in 3 ms from http://127.0.0.1:3000/x");
    press(&mut state, "r");
    assert_eq!(screen(&state)[5], "send to: http://127.0.0.1:3000/x_", "it is remembered");
    press(&mut state, "\u{1b}\n");
    assert_eq!(screen(&state)[4], "sent again 200 in 3 ms from http://127.0.0.1:3000/x");

    state.has_forward = true;
    let Some(Effect::Send(wish)) = press(&mut state, "r") else { panic!() };
    assert_eq!((wish.id, wish.to, wish.is_signed_anew), (1, None, false));
}

#[test]
fn what_was_not_read_is_not_sent_again() {
    let mut state = state([Shown { whole: None, ..refused(7) }]);
    assert!(press(&mut state, "r").is_none());
    assert_eq!(screen(&state)[5], "the body of request 7 was not read: there is nothing to send");
}

#[test]
fn a_copy_has_no_key_in_it_and_is_kept_for_the_end() {
    let mut state = state([accepted(1, "TEST")]);
    let Some(Effect::Copy(command)) = press(&mut state, "c") else { panic!() };
    assert!(
        command.starts_with("curl --request POST http://127.0.0.1:8080/hooks") && !command.contains("canary")
    );
    assert_eq!(state.copied, Some(command));
    let mut whole = accepted(2, "TEST");
    whole.whole.as_mut().unwrap().body = vec![b'x'; 100_000].into();
    state.add(whole, String::new());
    assert!(press(&mut state, "c").is_none(), "a terminal would choke on it");
    assert!(state.copied.unwrap().len() > 100_000);
}

#[test]
fn two_keys_end_it() {
    let mut state = state([]);
    assert!(matches!(press(&mut state, "q"), Some(Effect::Quit)));
    press(&mut state, "/q");
    assert_eq!(state.filter, "q", "what is typed is no command");
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(matches!(state.press(interrupt), Some(Effect::Interrupt)));
}

/// Escape sequences, wide, combining and turning characters, in every place where a stranger's text is shown.
#[test]
fn hostile_text_stays_in_its_line() {
    let combining = "e\u{301}\u{302}\u{303}\u{304}".repeat(300);
    for text in [
        "\u{1b}[2J\u{9b}31m\r\n\t\0\u{7}",
        "\u{202e}evil\u{2066}\u{200b}",
        "健身房\u{1f3cb}".repeat(40).as_str(),
        &combining,
    ] {
        let mut request = accepted(1, text);
        request.events.push(event("b", text));
        // Control characters are in no URL.
        match Uri::try_from(format!("/{text}")) {
            Ok(uri) => request.uri = uri,
            Err(_) => assert!(text.contains('\0')),
        }
        request.detail = Some(text.to_owned());
        let whole = request.whole.as_mut().unwrap();
        whole.body = format!("{text}\n{text}").into();
        whole.headers.insert("content-type", HeaderValue::from_bytes("\u{202e}x".as_bytes()).unwrap());
        let mut state = state([request, refused(2)]);
        press(&mut state, &format!("k/{}\u{1b}", text.replace(['\n', '\u{1b}'], "")));
        for keys in ["", "k", "\n", "jj", "\u{1b}r", &text.replace(['\n', '\u{1b}'], "")] {
            press(&mut state, keys);
            state.tell(Told { id: 1, what: text.to_owned() });
            for (columns, rows) in [(72, 30), (20, 5), (3, 3), (1, 1), (2, 40)] {
                (state.columns, state.rows) = (columns, rows);
                for line in screen(&state) {
                    assert!(
                        !line.contains(|c: char| c.is_control() || ('\u{200b}'..='\u{206f}').contains(&c)),
                        "{line:?}"
                    );
                    assert!(line.chars().count() <= columns * 2, "{line:?}");
                }
            }
        }
    }
}

#[test]
fn a_long_list_is_bounded_in_number_and_in_bytes() {
    let mut state = state((0..2_000).map(|id| accepted(id, "TEST")));
    assert_eq!((state.items.len(), state.items[0].shown.id), (1_000, 1_000));
    for id in 3_000..3_200 {
        let mut large = accepted(id, "TEST");
        large.whole.as_mut().unwrap().body = vec![b'x'; 256 << 10].into();
        state.add(large, String::new());
    }
    // 32 MiB are 128 bodies of 256 KiB.
    assert!(state.items.len() <= 128, "{}", state.items.len());
}
