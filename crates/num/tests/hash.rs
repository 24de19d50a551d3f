//! The two portable hashes against a real Erlang's, over a small tree that is read from the external format.
use num::phash2::{Source, View, atom_value};
use num::{BigInt, Int, bytes, phash, phash2};

enum Tree {
    Nil,
    Atom(String),
    Int(BigInt),
    Float(f64),
    Cons(usize, usize),
    Tuple(Vec<usize>),
    Map(Vec<(usize, usize)>),
    Bits(Vec<u8>, u8),
    Pid(u32),
    Port(u64),
    Reference(u32),
    LocalFun {
        env: Vec<usize>,
        module: String,
        index: u32,
        old_unique: u32,
    },
    ExternalFun(String, String, u32),
}

/// All the nodes of a term; a term is an index into them.
#[derive(Default)]
struct Nodes(Vec<Tree>);

impl Source for Nodes {
    type Term = usize;

    fn view(&self, term: usize) -> View<'_, usize> {
        match &self.0[term] {
            Tree::Nil => View::Nil,
            Tree::Atom(name) => View::Atom(atom_value(name.as_bytes())),
            Tree::Int(n) => match n.to_i64() {
                Some(n) => View::Small(n),
                None => View::Integer(n.as_int()),
            },
            Tree::Float(f) => View::Float(*f),
            Tree::Cons(head, tail) => View::Cons(*head, *tail),
            Tree::Tuple(elements) => View::Tuple(elements.len()),
            Tree::Map(pairs) => View::Map(pairs.len()),
            Tree::Bits(bytes, bits) => View::Binary(bytes, *bits),
            Tree::Pid(n) => View::Pid(*n),
            Tree::Port(n) => View::Port(*n),
            Tree::Reference(n) => View::Reference(*n),
            Tree::LocalFun {
                env,
                module,
                index,
                old_unique,
            } => View::LocalFun {
                free: env.len(),
                module: atom_value(module.as_bytes()),
                index: *index,
                old_unique: *old_unique,
            },
            Tree::ExternalFun(m, f, a) => View::ExternalFun {
                module: atom_value(m.as_bytes()),
                function: atom_value(f.as_bytes()),
                arity: *a,
            },
        }
    }

    fn element(&self, term: usize, index: usize) -> usize {
        match &self.0[term] {
            Tree::Tuple(elements) => elements[index],
            Tree::LocalFun { env, .. } => env[index],
            _ => panic!("no elements"),
        }
    }

    fn pairs(&self, term: usize, show: &mut dyn FnMut(usize, usize)) {
        let Tree::Map(pairs) = &self.0[term] else {
            panic!("no map")
        };
        for &(k, v) in pairs {
            show(k, v);
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    nodes: Nodes,
}

impl Reader<'_> {
    fn take(&mut self, n: usize) -> Vec<u8> {
        let (first, rest) = self.bytes.split_at(n);
        self.bytes = rest;
        first.to_vec()
    }

    fn number(&mut self, n: usize) -> u64 {
        self.take(n).iter().fold(0, |v, &b| v << 8 | b as u64)
    }

    fn atom(&mut self) -> String {
        let at = self.term();
        match &self.nodes.0[at] {
            Tree::Atom(name) => name.clone(),
            _ => panic!("an atom was expected"),
        }
    }

    fn int(&mut self) -> u32 {
        let at = self.term();
        match &self.nodes.0[at] {
            Tree::Int(n) => n.to_i64().unwrap() as u32,
            _ => panic!("an integer was expected"),
        }
    }

    fn terms(&mut self, n: usize) -> Vec<usize> {
        (0..n).map(|_| self.term()).collect()
    }

    fn push(&mut self, tree: Tree) -> usize {
        self.nodes.0.push(tree);
        self.nodes.0.len() - 1
    }

    fn list(&mut self, elements: Vec<usize>, tail: usize) -> usize {
        elements
            .into_iter()
            .rev()
            .fold(tail, |tail, head| self.push(Tree::Cons(head, tail)))
    }

    fn term(&mut self) -> usize {
        let tree = match self.number(1) as u8 {
            70 => Tree::Float(f64::from_bits(self.number(8))),
            77 => {
                let len = self.number(4) as usize;
                let bits = self.number(1) as u8;
                Tree::Bits(self.take(len), bits & 7)
            }
            tag @ (88 | 103) => {
                self.atom();
                let n = self.number(4) as u32;
                self.take(if tag == 88 { 8 } else { 5 });
                Tree::Pid(n)
            }
            89 => {
                self.atom();
                let n = self.number(4);
                self.take(4);
                Tree::Port(n)
            }
            120 => {
                self.atom();
                let n = self.number(8);
                self.take(4);
                Tree::Port(n)
            }
            90 => {
                let len = self.number(2) as usize;
                self.atom();
                self.take(4);
                let first = self.number(4) as u32;
                self.take((len - 1) * 4);
                Tree::Reference(first)
            }
            97 => Tree::Int(BigInt::from_u64(self.number(1))),
            98 => Tree::Int(BigInt::from_i64(self.number(4) as i32 as i64)),
            104 => {
                let n = self.number(1) as usize;
                Tree::Tuple(self.terms(n))
            }
            106 => Tree::Nil,
            107 => {
                let n = self.number(2) as usize;
                let bytes = self.take(n);
                let elements = bytes
                    .into_iter()
                    .map(|b| self.push(Tree::Int(BigInt::from_u64(b as u64))))
                    .collect();
                let nil = self.push(Tree::Nil);
                return self.list(elements, nil);
            }
            108 => {
                let n = self.number(4) as usize;
                let elements = self.terms(n);
                let tail = self.term();
                return self.list(elements, tail);
            }
            109 => {
                let n = self.number(4) as usize;
                Tree::Bits(self.take(n), 0)
            }
            110 => {
                let n = self.number(1) as usize;
                let neg = self.number(1) == 1;
                Tree::Int(bytes::from_magnitude(neg, &self.take(n)).unwrap())
            }
            112 => {
                self.take(4 + 1 + 16 + 4);
                let free = u32::from_be_bytes(self.take(4).try_into().unwrap()) as usize;
                let module = self.atom();
                let (index, old_unique) = (self.int(), self.int());
                self.term();
                Tree::LocalFun {
                    env: self.terms(free),
                    module,
                    index,
                    old_unique,
                }
            }
            113 => {
                let (m, f) = (self.atom(), self.atom());
                Tree::ExternalFun(m, f, self.int())
            }
            116 => {
                let n = self.number(4);
                Tree::Map((0..n).map(|_| (self.term(), self.term())).collect())
            }
            100 => {
                let n = self.number(2) as usize;
                Tree::Atom(self.take(n).into_iter().map(char::from).collect())
            }
            118 => {
                let n = self.number(2) as usize;
                Tree::Atom(String::from_utf8(self.take(n)).unwrap())
            }
            119 => {
                let n = self.number(1) as usize;
                Tree::Atom(String::from_utf8(self.take(n)).unwrap())
            }
            tag => panic!("tag {tag}"),
        };
        self.push(tree)
    }
}

#[test]
fn every_recorded_term() {
    let mut wrong = Vec::new();
    let mut total = 0;
    for line in include_str!("data/hash.txt").lines() {
        let w: Vec<&str> = line.split(' ').collect();
        let encoded: Vec<u8> = w[0]
            .as_bytes()
            .chunks(2)
            .map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap())
            .collect();
        let mut reader = Reader {
            bytes: &encoded[1..],
            nodes: Nodes::default(),
        };
        let term = reader.term();
        assert!(reader.bytes.is_empty());
        let nodes = reader.nodes;
        let (new, old) = (phash2::hash(&nodes, term), phash::hash(&nodes, term));
        let ours = [
            format!("{new:X}"),
            phash2::default_range(new).to_string(),
            phash::in_range(old, 1 << 32).to_string(),
            phash::in_range(old, 1009).to_string(),
        ];
        assert_eq!(phash2::in_range(new, 1 << 32), new);
        total += 1;
        if ours[..] != w[1..] {
            wrong.push(format!("{line}\n   we: {}", ours.join(" ")));
        }
    }
    assert!(total > 2000);
    let shown = wrong
        .iter()
        .take(20)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        wrong.is_empty(),
        "{} of {total} wrong:\n{shown}",
        wrong.len()
    );
}

#[test]
fn a_binary_in_pieces() {
    let bytes: Vec<u8> = (0..100).collect();
    for len in 0..100 {
        let whole = len - len % phash2::Block::STEP;
        let mut block = phash2::Block::new(7);
        for piece in bytes[..whole].chunks(24) {
            block.feed(piece);
        }
        assert_eq!(
            block.finish(&bytes[whole..len], len as u64, 3, 0xa0),
            phash2::binary(7, &[&bytes[..len], &[0xa0]].concat(), 3)
        );
    }
}

#[test]
fn a_negative_zero_is_zero() {
    assert_eq!(phash2::float(0, -0.0), phash2::float(0, 0.0));
    assert_eq!(phash2::integer(5, Int::ZERO), phash2::small(5, 0));
}
