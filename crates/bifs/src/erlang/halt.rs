//! `halt/2`: the end of the node. Not here: what the ports do to flush (`ports`), the crash dump's text (`node::dump`).

use crate::result::Res;
use node::{Ctx, Effect, Native, Stop};
use std::sync::Arc;
use std::time::Duration;
use term::{Term, am, atom};

pub const NATIVES: &[Native] = &[Native::new("erlang", "halt", 2, halt).effect(Effect::Node)];

enum How {
    Status(i32),
    Slogan(String),
    Abort,
}

fn how(t: Term) -> Option<How> {
    if atom::as_text(t) == Some("abort") {
        return Some(How::Abort);
    }
    if t.is_integer() {
        let low = match (t.as_i64(), t.as_big()) {
            (Some(n), _) if n < 0 => return None,
            (Some(n), _) => n as u64,
            (None, Some((negative, _))) if negative => return None,
            (None, Some((_, magnitude))) => magnitude[0],
            (None, None) => return None,
        };
        return Some(How::Status((low & 0xff) as i32));
    }
    let chars = t.proper_list()?;
    // As much as ERTS shows.
    let text: Option<String> = chars.iter().take(1023).map(|c| c.to::<u32>().and_then(char::from_u32)).collect();
    Some(How::Slogan(text?))
}

struct Options {
    flush: bool,
    timeout_ms: Option<u64>,
}

fn options(t: Term, release: u32) -> Option<Options> {
    let mut o = Options { flush: true, timeout_ms: None };
    for option in t.proper_list()? {
        let [key, value] = option.as_tuple_n::<2>()?;
        match atom::as_text(*key)? {
            "flush" => o.flush = value.as_bool()?,
            "flush_timeout" if release >= 27 => {
                o.timeout_ms = if *value == am::INFINITY { None } else { Some(value.to::<u32>()?.into()) };
            }
            _ => return None,
        }
    }
    Some(o)
}

fn halt(cx: &mut Ctx, a: &[Term]) -> Res {
    let (Some(how), Some(options)) = (how(a[0]), options(a[1], cx.node.code.release)) else { return Err(cx.badarg()) };
    if !cx.node.begin_halt() {
        // Somebody has halted the node: this process waits for its end.
        return Err(Stop::Wait);
    }
    let node = cx.node.clone();
    if let (Some(libraries), How::Status(_)) = (node.libraries.get(), &how)
        && options.flush
    {
        libraries.halting(&node);
    }
    match how {
        How::Abort => node.halt(node::ABORT),
        How::Slogan(text) => {
            let version = super::system::system_version(&node);
            node.crash(&text, &version, Some((cx.pid, &*cx.p)));
            node.halt(1);
        }
        How::Status(status) if options.flush => {
            if let Some(ms) = options.timeout_ms {
                // A status of 255 tells that not everything has left.
                node.later(Duration::from_millis(ms), |node| node.halt(255));
            }
            match node.ports.get() {
                Some(ports) => {
                    let then = Arc::clone(&node);
                    ports.flush(&node, Box::new(move || then.halt(status)));
                }
                None => node.halt(status),
            }
        }
        How::Status(status) => node.halt(status),
    }
    Err(Stop::Wait)
}
