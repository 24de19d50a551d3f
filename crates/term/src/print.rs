//! Terms as the emulator itself prints them: `erlang:display/1`, crash and error texts. Not what `io_lib` prints.
//! The text is bytes: atoms are UTF-8, characters of strings from 160 on single bytes, as ERTS writes them.
//!
//! A limit counts terms, bytes of atoms, characters of strings, and bytes of binaries; what exceeds it ends in `... `.

use crate::work::Work;
use crate::{Kind, Term, atom, map, reference};

/// The text of a term, cut at `limit` units (`isize::MAX`: whole).
pub fn print(t: Term, limit: isize) -> Vec<u8> {
    let mut out = Vec::new();
    print_to(&mut out, t, limit);
    out
}

/// The whole text of a term, for messages of our own.
pub fn text(t: Term) -> String {
    String::from_utf8_lossy(&print(t, isize::MAX)).into_owned()
}

/// Appends the text of a term.
pub fn print_to(out: &mut Vec<u8>, t: Term, limit: isize) {
    let mut p = Printer { out, left: limit, work: Work::new() };
    if !p.walk(t) || p.left <= 0 {
        p.out.extend_from_slice(b"... ");
    }
}

#[derive(Clone, Copy)]
enum Job {
    Term(Term),
    Text(&'static str),
    /// Elements with commas between, then the closing text.
    Rest(&'static [Term], &'static str),
    /// The rest of a list.
    Tail(Term),
    /// The rest of a flat map's keys and values.
    Pairs(&'static [Term], &'static [Term]),
    /// The rest of a record's names and values.
    Fields(&'static [Term], &'static [Term]),
    /// The iterator with this number.
    Trie(usize),
}

struct Printer<'o> {
    out: &'o mut Vec<u8>,
    left: isize,
    work: Work<Job>,
}

impl Printer<'_> {
    fn put(&mut self, s: &str) {
        self.out.extend_from_slice(s.as_bytes());
    }

    /// `false` if the limit came first.
    fn walk(&mut self, t: Term) -> bool {
        let mut tries: Vec<map::Iter> = Vec::new();
        self.work.push(Job::Term(t));
        while let Some(job) = self.work.pop() {
            match job {
                Job::Text(s) => self.put(s),
                Job::Rest([], close) => self.put(close),
                Job::Rest([t, rest @ ..], close) => {
                    self.work.push(Job::Rest(rest, close));
                    if !rest.is_empty() {
                        self.work.push(Job::Text(","));
                    }
                    self.work.push(Job::Term(*t));
                }
                Job::Tail(t) => {
                    if let Some((head, tail)) = t.as_cons() {
                        self.put(",");
                        self.work.push(Job::Tail(tail));
                        self.work.push(Job::Term(head));
                    } else if t.is_nil() {
                        self.put("]");
                    } else {
                        self.put("|");
                        self.work.push(Job::Text("]"));
                        self.work.push(Job::Term(t));
                    }
                }
                Job::Pairs([k, keys @ ..], [v, values @ ..]) => {
                    self.work.push(Job::Pairs(keys, values));
                    self.pair(*k, *v, "=>", !keys.is_empty());
                }
                Job::Fields([k, keys @ ..], [v, values @ ..]) => {
                    self.work.push(Job::Fields(keys, values));
                    self.pair(*k, *v, "=", !keys.is_empty());
                }
                Job::Pairs(..) | Job::Fields(..) => self.put("}"),
                Job::Trie(i) => match tries[i].next() {
                    None => self.put("}"),
                    Some((k, v)) => {
                        if self.out.last() != Some(&b'{') {
                            self.put(",");
                        }
                        self.work.push(Job::Trie(i));
                        self.pair(k, v, "=>", false);
                    }
                },
                Job::Term(t) => {
                    if self.left <= 0 {
                        return false;
                    }
                    self.left -= 1;
                    if t.is_hash_map() {
                        self.put("#{");
                        tries.push(map::Iter::new(t));
                        self.work.push(Job::Trie(tries.len() - 1));
                    } else if !self.term(t) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn pair(&mut self, k: Term, v: Term, between: &'static str, more: bool) {
        if more {
            self.work.push(Job::Text(","));
        }
        self.work.push(Job::Term(v));
        self.work.push(Job::Text(between));
        self.work.push(Job::Term(k));
    }

    /// The text of a term, or its beginning and jobs for its parts; `false` if the limit came first.
    fn term(&mut self, t: Term) -> bool {
        use std::io::Write;
        if let Some(n) = t.as_small() {
            let _ = write!(self.out, "{n}");
            return true;
        }
        if t.is_atom() {
            self.atom(t);
            return self.left > 0;
        }
        if t.is_cons() {
            return self.list(t);
        }
        let Some(kind) = t.kind() else {
            self.identifier(t);
            return true;
        };
        match kind {
            Kind::Tuple => {
                self.put("{");
                self.work.push(Job::Rest(t.as_tuple().unwrap_or(&[]), "}"));
            }
            Kind::FlatMap => {
                self.put("#{");
                let (keys, values) = t.flat_map().unwrap_or((&[], &[]));
                self.work.push(Job::Pairs(keys, values));
            }
            Kind::Record => {
                let (definition, values) = t.as_record().unwrap_or((Term::NIL, &[]));
                if let Some([module, name, _, names]) = definition.as_tuple_n() {
                    self.put("#");
                    self.atom(*module);
                    self.put(":");
                    self.atom(*name);
                    self.put("{");
                    self.work.push(Job::Fields(names.as_tuple().unwrap_or(&[]), values));
                }
            }
            Kind::Float => {
                let f = t.as_float().unwrap_or(0.0);
                let text = num::float::to_text(f, num::float::Format::Scientific(6)).unwrap_or_default();
                self.out.extend_from_slice(&text);
            }
            Kind::PosBig | Kind::NegBig => {
                let text = crate::int::to_text(t, 10).unwrap_or_default();
                self.out.extend_from_slice(&text);
            }
            Kind::HeapBits | Kind::BinRef | Kind::SubBits => return self.bits(t),
            Kind::Fun => {
                if let Some((e, _)) = t.as_local_fun() {
                    self.put("#Fun<");
                    self.atom(e.module);
                    let _ = write!(self.out, ".{}.{}>", e.old_index, e.old_uniq);
                }
            }
            Kind::ExportFun => {
                if let Some(e) = t.as_export_fun() {
                    self.put("fun ");
                    self.atom(e.module);
                    self.put(":");
                    self.atom(e.function);
                    let _ = write!(self.out, "/{}", e.arity);
                }
            }
            _ => self.identifier(t),
        }
        true
    }

    fn identifier(&mut self, t: Term) {
        use std::io::Write;
        // An earlier incarnation of this node looks like this one.
        let own = crate::node_name::local().name;
        let channel = |name: Term| if name == own { 0 } else { name.as_atom_index().unwrap_or(0) };
        // Writing to a Vec cannot fail.
        let _ = if t.is_nil() {
            write!(self.out, "[]")
        } else if t.is_local_pid() {
            write!(self.out, "<0.{}.{}>", t.pid_number(), t.pid_serial())
        } else if t.is_local_port() {
            write!(self.out, "#Port<0.{}>", t.port_id())
        } else if let Some((node, number, serial)) = t.as_ext_pid() {
            write!(self.out, "<{}.{number}.{serial}>", channel(node.name))
        } else if let Some((node, number)) = t.as_ext_port() {
            write!(self.out, "#Port<{}.{number}>", channel(node.name))
        } else if t.is_ref() {
            let (node, words) = reference::node_and_words(t);
            let _ = write!(self.out, "#Ref<{}", node.map_or(0, |n| channel(n.name)));
            for w in words.iter().rev() {
                let _ = write!(self.out, ".{w}");
            }
            write!(self.out, ">")
        } else if t.is_catch() {
            write!(self.out, "#Catch<{:x}>", t.catch_handler() as usize)
        } else if t.is_kind(Kind::MatchContext) {
            write!(self.out, "#MatchState")
        } else {
            write!(self.out, "#Cp<{:x}>", t.raw())
        };
    }

    fn atom(&mut self, t: Term) {
        let text = atom::text(t);
        self.left -= text.len() as isize;
        put_atom(self.out, text);
    }

    fn list(&mut self, list: Term) -> bool {
        let mut it = list.iter();
        let printable = it.by_ref().all(|t| t.to::<u8>().is_some_and(|c| matches!(c, b'\n' | b'\r' | b'\t' | 32..=126 | 160..)));
        if !printable || !it.rest().is_nil() {
            self.put("[");
            self.work.push(Job::Tail(list.tail()));
            self.work.push(Job::Term(list.head()));
            return true;
        }
        self.put("\"");
        for t in list.iter() {
            if self.left <= 0 {
                return false;
            }
            self.left -= 1;
            match t.small_value() as u8 {
                b'\n' => self.put("\\n"),
                b'"' => self.put("\\\""),
                c => self.out.push(c),
            }
        }
        self.put("\"");
        true
    }

    fn bits(&mut self, t: Term) -> bool {
        use std::io::Write;
        let Some(bits) = t.bits() else { return true };
        let (whole, odd) = (bits.len / 8, bits.len % 8);
        let text = odd == 0 && whole > 0 && (0..whole).all(|i| matches!(bits.byte(i), 32..=126));
        self.put(if text { "<<\"" } else { "<<" });
        for i in 0..whole {
            let b = bits.byte(i);
            if !text {
                let _ = write!(self.out, "{}{b}", if i > 0 { "," } else { "" });
            } else if b == b'"' {
                self.put("\\\"");
            } else {
                self.out.push(b);
            }
            self.left -= 1;
            if self.left < 0 {
                return false;
            }
        }
        if odd > 0 {
            let last = bits.get_uint(whole * 8, odd);
            let _ = write!(self.out, "{}{last}:{odd}", if whole > 0 { "," } else { "" });
        }
        self.put(if text { "\">>" } else { ">>" });
        true
    }
}

fn lower(c: char) -> bool {
    matches!(c, 'a'..='z' | '\u{df}'..='\u{f6}' | '\u{f8}'..='\u{ff}')
}
fn in_word(c: char) -> bool {
    lower(c) || matches!(c, 'A'..='Z' | '0'..='9' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{de}')
}

/// An atom's text, in quotes where the emulator puts them (not for reserved words).
pub fn put_atom(out: &mut Vec<u8>, text: &str) {
    use std::io::Write;
    let plain = text.chars().next().is_some_and(lower) && text.chars().all(in_word);
    if plain {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'\'');
    for c in text.chars() {
        // Writing to a Vec cannot fail.
        let _ = match c {
            '\'' => write!(out, "\\'"),
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\u{8}' => write!(out, "\\b"),
            '\u{b}' => write!(out, "\\v"),
            '\u{c}' => write!(out, "\\f"),
            '\0'..='\u{1f}' | '\u{80}'..='\u{9f}' => write!(out, "\\{:03o}", c as u32),
            _ => write!(out, "{c}"),
        };
    }
    out.push(b'\'');
}
