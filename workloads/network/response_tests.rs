//! Tests of good and hostile responses, whole and cut at every place.

use super::*;

/// The body and whether the connection lives on, or why not.
fn read(pieces: &[&[u8]], closed: bool) -> Result<(Vec<u8>, bool)> {
    let mut response = Response::new();
    let mut body = Vec::new();
    for piece in pieces {
        response.feed(piece, &mut |at, bytes| {
            assert_eq!(at, body.len() as u64);
            body.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    if closed {
        response.close()?;
    }
    if !response.is_done() {
        return Err(bad("not done"));
    }
    assert_eq!(response.body_length(), body.len() as u64);
    Ok((body, response.keeps_alive()))
}

#[test]
fn bodies_arrive_whole_however_they_are_cut() {
    let responses: [(&str, &str, bool); 6] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true),
        ("HTTP/1.1 200\r\ncontent-length:0\r\nConnection: close\r\n\r\n", "", false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok", true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n00a\r\n, \
             chunked!\r\n0\r\nT: r\r\n\r\n",
            "hello, chunked!",
            true,
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 1\n\n.", ".", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
    ];
    for (text, body, keeps) in responses {
        for cut in 0..=text.len() {
            let (left, right) = text.as_bytes().split_at(cut);
            let (got, kept) = read(&[left, right], false).unwrap();
            assert_eq!((got.as_slice(), kept), (body.as_bytes(), keeps), "{text:?} cut at {cut}");
        }
    }
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let text = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    assert!(read(&[text], false).is_err());
    assert_eq!(read(&[text], true).unwrap(), (b"all of it".to_vec(), false));
}

#[test]
fn what_is_broken_is_told() {
    for (text, why) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1.1"),
        ("HTTP/2 200\r\n", "not HTTP/1.1"),
        ("HTTP/1.1 2x0 OK\r\n", "not a number"),
        ("HTTP/1.1 404 Not\x07 Found\r\n", "answers 404 Not\\u{7} Found"),
        ("HTTP/1.1 301 Moved\r\n", "answers 301"),
        ("HTTP/1.1 200 OK\r\nnonsense\r\n", "no colon"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "one number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n", "one number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", "one number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", "one number"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", "not chunked"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "as well"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "hexadecimal"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\n", "hexadecimal"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "longer than"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "more bytes"),
    ] {
        let error = read(&[text.as_bytes()], false).unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn what_never_ends_is_cut_off() {
    let endless = vec![b'x'; MAX_LINES + 1];
    assert!(read(&[&endless], false).unwrap_err().to_string().contains("64 KiB"));
    let mut response = Response::new();
    response.feed(b"HTTP/1.1 200 OK\r\n", &mut |_, _| Ok(())).unwrap();
    let fields = (0..).try_for_each(|_| response.feed(b"A: b\r\n", &mut |_, _| Ok(())));
    assert!(fields.unwrap_err().to_string().contains("64 KiB"));
    let mut interim = Response::new();
    let endless =
        (0..).try_for_each(|_| interim.feed(b"HTTP/1.1 100 x\r\n\r\n", &mut |_, _| Ok(())));
    assert!(endless.unwrap_err().to_string().contains("64 KiB"));
}

#[test]
fn many_chunks_are_no_long_head() {
    let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..100_000 {
        text.extend_from_slice(b"1\r\nx\r\n");
    }
    text.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(read(&[&text], false).unwrap().0.len(), 100_000);
}

#[test]
fn a_connection_lost_within_a_response_is_told() {
    let error = read(&[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], true).unwrap_err();
    assert!(error.to_string().contains("middle"), "{error}");
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(
        pieces in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..60), 0..8),
    ) {
        let mut response = Response::new();
        response.feed(b"HTTP/1.1 200 OK\r\n", &mut |_, _| Ok(())).unwrap();
        for piece in &pieces {
            if response.feed(piece, &mut |_, _| Ok(())).is_err() {
                break;
            }
        }
    }

    #[test]
    fn chunks_of_any_size_read_back(
        body in proptest::collection::vec(0_u8.., 0..2000),
        sizes in proptest::collection::vec(1_usize..400, 1..20),
        step in 1_usize..700,
    ) {
        let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let (mut rest, mut sizes) = (body.as_slice(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            text.extend_from_slice(chunk);
            text.extend_from_slice(b"\r\n");
            rest = after;
        }
        text.extend_from_slice(b"0\r\n\r\n");
        let pieces: Vec<&[u8]> = text.chunks(step).collect();
        proptest::prop_assert_eq!(read(&pieces, false).unwrap().0, body);
    }
}
