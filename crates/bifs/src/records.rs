//! Module `records`: native records as values. A record's definition is a tuple `{Module, Name, Exported, {Field, ..}}`.

use crate::result::Res;
use node::{Ctx, Effect, Native, Stop};
use term::{Term, am, atom, map};

/// Module, name, whether exported, field names, values.
struct Record {
    definition: &'static [Term; 4],
    fields: &'static [Term],
    values: &'static [Term],
}

fn record(t: Term) -> Option<Record> {
    let (definition, values) = t.as_record()?;
    let definition = definition.as_tuple_n::<4>()?;
    Some(Record { definition, fields: definition[3].as_tuple()?, values })
}
fn bad_record(cx: &mut Ctx, t: Term) -> Stop {
    cx.error_with(am::BADRECORD, t)
}
/// `{badfield, {{Module, Name}, Field}}`
fn bad_field(cx: &mut Ctx, module: Term, name: Term, field: Term) -> Stop {
    let of = cx.h().tuple(&[module, name]);
    let what = cx.h().tuple(&[of, field]);
    cx.error_with(atom!("badfield"), what)
}

fn get(cx: &mut Ctx, a: &[Term]) -> Res {
    let value = record(a[1]).and_then(|r| r.fields.iter().position(|&f| f == a[0]).map(|i| r.values[i]));
    value.ok_or_else(|| cx.badarg())
}
fn get_module(cx: &mut Ctx, a: &[Term]) -> Res {
    record(a[0]).map(|r| r.definition[0]).ok_or_else(|| cx.badarg())
}
fn get_name(cx: &mut Ctx, a: &[Term]) -> Res {
    record(a[0]).map(|r| r.definition[1]).ok_or_else(|| cx.badarg())
}
fn get_field_names(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(r) = record(a[0]) else { return Err(bad_record(cx, a[0])) };
    Ok(cx.h().list(r.fields))
}
fn is_exported(cx: &mut Ctx, a: &[Term]) -> Res {
    record(a[0]).map(|r| r.definition[2]).ok_or_else(|| bad_record(cx, a[0]))
}

/// `{#{is_exported => Bool}, [{Field, Default} | Field]}`
fn get_definition(cx: &mut Ctx, a: &[Term]) -> Res {
    let found = if a[0].is_atom() { cx.node.code.record(a[0], a[1]) } else { None };
    let Some((definition, defaults)) = found else { return Err(cx.badarg()) };
    let Some(d) = definition.as_tuple_n::<4>() else { return Err(cx.badarg()) };
    let names = d[3].as_tuple().unwrap_or(&[]);
    let fields: Vec<Term> = names
        .iter()
        .zip(&defaults)
        .map(|(&name, &default)| if default.is_some() { cx.h().tuple(&[name, default]) } else { name })
        .collect();
    let fields = cx.h().list(&fields);
    let options = map::from_pairs(cx.h(), &[(atom!("is_exported"), d[2])]);
    Ok(cx.h().tuple(&[options, fields]))
}

/// `create(Module, Name, [{Field, Value}], #{is_exported => Bool})`
fn create(cx: &mut Ctx, a: &[Term]) -> Res {
    if !a[0].is_atom() || !a[1].is_atom() {
        return Err(bad_record(cx, a[1]));
    }
    if !a[3].is_map() {
        return Err(cx.error_with(am::BADMAP, a[3]));
    }
    let exported = map::get(a[3], atom!("is_exported")).filter(|e| e.as_bool().is_some() && map::size(a[3]) == 1);
    let (Some(exported), Some(list)) = (exported, a[2].proper_list()) else { return Err(cx.badarg()) };
    let (mut names, mut values) = (Vec::with_capacity(list.len()), Vec::with_capacity(list.len()));
    for pair in list {
        let Some(&[name, value]) = pair.as_tuple_n() else { return Err(cx.badarg()) };
        if !name.is_atom() {
            return Err(bad_field(cx, a[0], a[1], name));
        }
        if names.contains(&name) {
            return Err(cx.badarg());
        }
        names.push(name);
        values.push(value);
    }
    let fields = cx.h().tuple(&names);
    let definition = cx.h().tuple(&[a[0], a[1], exported, fields]);
    Ok(cx.h().record(definition, &values))
}

/// `update(Record, Module, Name, #{Field => Value})`
fn update(cx: &mut Ctx, a: &[Term]) -> Res {
    let Some(r) = record(a[0]) else { return Err(bad_record(cx, a[0])) };
    if r.definition[0] != a[1] || r.definition[1] != a[2] {
        return Err(bad_record(cx, a[2]));
    }
    if !a[3].is_map() {
        return Err(cx.error_with(am::BADMAP, a[3]));
    }
    let mut values = r.values.to_vec();
    for (field, value) in map::Iter::new(a[3]) {
        match r.fields.iter().position(|&f| f == field) {
            Some(i) => values[i] = value,
            None => return Err(bad_field(cx, a[1], a[2], field)),
        }
    }
    let definition = a[0].as_record().map_or(Term::NIL, |(d, _)| d);
    Ok(cx.h().record(definition, &values))
}

pub const NATIVES: &[Native] = &[
    Native::new("records", "create", 4, create),
    Native::new("records", "get", 2, get),
    Native::new("records", "get_definition", 2, get_definition).effect(Effect::Process),
    Native::new("records", "get_field_names", 1, get_field_names),
    Native::new("records", "get_module", 1, get_module),
    Native::new("records", "get_name", 1, get_name),
    Native::new("records", "is_exported", 1, is_exported),
    Native::new("records", "update", 4, update),
];
