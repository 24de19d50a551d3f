//! Native records. A record's definition is a tuple {Module, Name, Exported, {Field...}}, values stand in the fields' order.

use node::Ctx;
use term::{Term, am};

fn definition(r: Term) -> Option<(Term, Term, Term, &'static [Term])> {
    let (d, _) = r.as_record()?;
    let &[module, name, exported, fields] = d.as_tuple_n::<4>()?;
    Some((module, name, exported, fields.as_tuple().unwrap_or(&[])))
}

/// Is it a record of this module and name?
pub fn is(r: Term, module: Term, name: Term) -> bool {
    definition(r).is_some_and(|(m, n, _, _)| m == module && n == name)
}
/// May code of module `scope` (or any, if exported) look into it?
pub fn accessible(r: Term, scope: Term) -> bool {
    definition(r).is_some_and(|(m, _, exported, _)| m == scope || exported == am::TRUE)
}
/// A field's value.
pub fn field(r: Term, name: Term) -> Option<Term> {
    let (_, values) = r.as_record()?;
    let (_, _, _, fields) = definition(r)?;
    fields.iter().position(|&f| f == name).map(|i| values[i])
}
/// A field's value of a record that must be `id` (a name or {Module, Name}; nil for any). `Err`: the error's name.
pub fn get(_cx: &mut Ctx, r: Term, id: Term, name: Term) -> Result<Term, Term> {
    let Some((m, n, _, _)) = definition(r) else { return Err(am::BADRECORD) };
    let fits = match id.as_tuple_n::<2>() {
        Some(&[im, iname]) => im == m && iname == n,
        None => id.is_nil() || id == n,
    };
    if !fits {
        return Err(am::BADRECORD);
    }
    field(r, name).ok_or_else(|| term::atom!("badfield"))
}
/// Makes (`from` nil) or updates a record.
pub fn put(cx: &mut Ctx, module: Term, id: Term, from: Term, pairs: &[(Term, Term)]) -> Result<Term, (Term, Term)> {
    let badfield = term::atom!("badfield");
    let (def, mut values) = if from.is_nil() {
        let (m, name) = match id.as_tuple_n::<2>() {
            Some(&[m, n]) => (m, n),
            None => (module, id),
        };
        let Some((def, defaults)) = cx.node.code.record(m, name) else { return Err((am::BADRECORD, id)) };
        (def, defaults)
    } else {
        let Some((def, values)) = from.as_record() else { return Err((am::BADRECORD, from)) };
        (def, values.to_vec())
    };
    let fields = def.as_tuple_n::<4>().and_then(|d| d[3].as_tuple()).unwrap_or(&[]);
    for &(f, v) in pairs {
        match fields.iter().position(|&x| x == f) {
            Some(i) => values[i] = v,
            None => return Err((badfield, f)),
        }
    }
    if let Some(i) = values.iter().position(|v| v.is_none()) {
        return Err((term::atom!("novalue"), fields[i]));
    }
    Ok(cx.h().record(def, &values))
}
