//! What happens to honest requests while others are cut off, drip, panic, or outlive a key.

use core::time::Duration;
use std::io::ErrorKind;

use gymhook::event::Vendor;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_adapter_tests::{
    Adapter, SECRET, Server, Sources, Step, chunk, exchange, open, point_body, post, request, sign,
    sign_with, start,
};
use http::HeaderMap;
use time::UtcDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn honest(server: &Server, path: &str) -> u16 {
    let body = point_body(300);
    post(server.address, path, &sign(Vendor::POINT, &body), &body).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_in_the_body_costs_nobody_anything() {
    let body = point_body(300);
    let whole = request("/any/point", &sign(Vendor::POINT, &body), &body);
    for adapter in Adapter::ALL {
        let server = start(adapter, &Sources::new()).await;
        for cut in [1, whole.len() - 300, whole.len() - 1] {
            let mut stream = open(server.address).await;
            stream.write_all(&whole[..cut]).await.unwrap();
            drop(stream);
            // Half closed: what answer there is can be read, and it is no 2xx.
            let steps = vec![Step::Send(whole[..cut].to_vec()), Step::Finish];
            let reply = exchange(server.address, steps).await;
            assert!(reply.is_none_or(|reply| reply.status == 400), "{adapter:?} cut at {cut}");
        }
        assert_eq!(honest(&server, "/any/point").await, 200, "{adapter:?}");
    }
}

/// More, or less, than was declared.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_length_is_no_way_in() {
    let body = point_body(300);
    let headers = sign(Vendor::POINT, &body);
    for adapter in Adapter::ALL {
        let server = start(adapter, &Sources::new()).await;
        let short = request("/any/point", &headers, &body[..200]);
        let smuggled = [short, body[200..].to_vec()].concat();
        let reply = exchange(server.address, vec![Step::Send(smuggled)]).await.unwrap();
        assert_eq!(reply.status, 401, "{adapter:?}: 200 bytes of 300 were not signed");
        let twice = format!(
            "POST /any/point HTTP/1.1\r\nhost: gym\r\ncontent-length: 300\r\ncontent-length: 200\r\npoint-signature: {}\r\n\r\n",
            headers["point-signature"].to_str().unwrap()
        );
        let twice = [twice.as_bytes(), &body].concat();
        let reply = exchange(server.address, vec![Step::Send(twice)]).await;
        assert!(reply.is_none_or(|reply| reply.status == 400), "{adapter:?}: two lengths");
        let broken =
            [&b"POST /any/point HTTP/1.1\r\nhost: gym\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"[..]]
                .concat();
        let reply = exchange(server.address, vec![Step::Send(broken), Step::Finish]).await;
        assert!(reply.is_none_or(|reply| reply.status == 400), "{adapter:?}: no chunk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_requests_are_answered_while_many_others_drip() {
    const DRIPPING: usize = 200;
    const HOUR: Duration = Duration::from_secs(3_600);
    for adapter in Adapter::ALL {
        let mut sources = Sources::new();
        sources.large = sources.large.with_read_deadline(HOUR);
        let point = sources.any["point"].clone().with_read_deadline(HOUR);
        sources.any.insert("point", point);
        let server = start(adapter, &sources).await;
        let mut dripping = Vec::new();
        for number in 0..DRIPPING {
            let mut stream = open(server.address).await;
            let path = if number % 2 == 0 { "/large" } else { "/any/point" };
            let head = format!("POST {path} HTTP/1.1\r\nhost: gym\r\ntransfer-encoding: chunked\r\n\r\n");
            stream.write_all(&[head.as_bytes(), &chunk(b" ")].concat()).await.unwrap();
            dripping.push(stream);
        }
        for _ in 0..20 {
            for stream in &mut dripping {
                stream.write_all(&chunk(b" ")).await.unwrap();
            }
            assert_eq!(honest(&server, "/any/point").await, 200, "{adapter:?}");
            assert_eq!(honest(&server, "/large").await, 200, "{adapter:?}");
        }
        // None of them was answered: their deadline is not over.
        for stream in &mut dripping {
            let nothing = stream.try_read(&mut [0; 1]).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "{adapter:?}");
        }
    }
}

/// Long bodies that are held open fill what they share, and get 503; honest ones go on.
#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_that_are_held_open_keep_nobody_out() {
    const LONG: usize = 256 * 1024;
    for adapter in Adapter::ALL {
        let mut sources = Sources::new();
        // Room for one body of 256 KiB, and not for two.
        sources.large = sources.large.with_body_memory(LONG);
        let server = start(adapter, &sources).await;
        let body = point_body(LONG);
        let long = vec![Step::Send(request("/large", &sign(Vendor::POINT, &body), &body))];
        let (held, reply) = 'held: loop {
            let mut held = open(server.address).await;
            let head = format!("POST /large HTTP/1.1\r\nhost: gym\r\ncontent-length: {LONG}\r\n\r\n");
            held.write_all(&[head.as_bytes(), &vec![b' '; LONG - 1]].concat()).await.unwrap();
            // Whichever of the two comes first has the memory: the other one is refused, and is to be this one.
            while held.try_read(&mut [0; 1]).is_err() {
                let reply = exchange(server.address, long.clone()).await.expect("an answer");
                if reply.status != 200 {
                    break 'held (held, reply);
                }
            }
        };
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{adapter:?}");
        assert_eq!(honest(&server, "/large").await, 200, "{adapter:?}");
        // It is gone: its memory is free, as soon as the server has noticed.
        drop(held);
        while exchange(server.address, long.clone()).await.expect("an answer").status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_handler_ends_its_request_only() {
    let body = point_body(300);
    for adapter in Adapter::ALL {
        let server = start(adapter, &Sources::new()).await;
        for _ in 0..3 {
            let steps = vec![Step::Send(request("/panic", &sign(Vendor::POINT, &body), &body))];
            assert_eq!(exchange(server.address, steps).await, None, "{adapter:?}");
            // A refusal does not get to the handler.
            let refused = post(server.address, "/panic", &HeaderMap::new(), &body).await;
            assert_eq!(refused.status, 401, "{adapter:?}");
            assert_eq!(honest(&server, "/any/point").await, 200, "{adapter:?}");
        }
    }
}

/// A rotation without a restart, and on a connection that stays open.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_is_swapped_while_the_server_runs() {
    let body = point_body(300);
    let signed =
        |secret| request("/any/point", &sign_with(Vendor::POINT, secret, &body, UtcDateTime::now()), &body);
    for adapter in Adapter::ALL {
        let sources = Sources::new();
        let server = start(adapter, &sources).await;
        let mut stream = open(server.address).await;
        let mut status = async |request: Vec<u8>| {
            stream.write_all(&request).await.unwrap();
            let mut answer = Vec::new();
            while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
                stream.read_buf(&mut answer).await.unwrap();
            }
            // The body of a 200 is read with what follows: it is 19 bytes long.
            let status: u16 = core::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
            if status == 200 {
                while !answer.ends_with(b" 300") {
                    stream.read_buf(&mut answer).await.unwrap();
                }
            }
            status
        };
        assert_eq!(status(signed(SECRET)).await, 200, "{adapter:?}");
        assert_eq!(status(signed("the next secret")).await, 401, "{adapter:?}");
        let keyring = Keyring::single("next", Secret::new("the next secret").unwrap()).unwrap();
        let next = Receiver::new(&Provider::point().into_any(), keyring).unwrap();
        sources.any["point"].swap(next);
        assert_eq!(status(signed(SECRET)).await, 401, "{adapter:?}");
        assert_eq!(status(signed("the next secret")).await, 200, "{adapter:?}");
    }
}
