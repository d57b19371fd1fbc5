//! Follows a parameter through the program: what is derived from it, and which calls are given that.

use super::program::{Function, Program, Ty, segments};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, ExprClosure, FnArg, Pat, Stmt, Token};

/// What of std answers what its closure answers; the rest answers its own receiver.
const MAPS: &[&str] = &[
    "map",
    "and_then",
    "filter_map",
    "flat_map",
    "map_or",
    "fold",
];
/// What of std gives a closure something else than its receiver: an error, or nothing.
const OTHERS: &[&str] = &["map_err", "or_else", "unwrap_or_else", "ok_or_else"];
/// What of std puts its argument into its receiver.
const PUTS: &[&str] = &["push", "push_str", "insert", "extend", "append"];
/// What is never derived from the parameter: the transaction, which everything has.
const TRANSACTION: &str = "tx";

/// What was found.
#[derive(Default)]
pub(super) struct Walk {
    /// Each file with the function by which it was entered first, the nearest first.
    pub(super) entered: Vec<(String, String)>,
    /// Where it stopped: at the database's door, or at a trait's method.
    pub(super) stopped: BTreeSet<String>,
    /// Methods that were not followed, for the type that they are called on is not known.
    pub(super) unknown: BTreeMap<String, usize>,
    /// Functions with those of their parameters that are derived: all that were called, and those
    /// that are still to be entered.
    called: HashSet<(String, BTreeSet<usize>)>,
    waiting: VecDeque<(String, BTreeSet<usize>)>,
}

impl Walk {
    /// Follows one parameter of a function.
    pub(super) fn of(program: &Program, stops: &[&str], path: &str, parameter: usize) -> Self {
        let mut walk = Self::default();
        walk.call(path, BTreeSet::from([parameter]));
        while let Some((path, derived)) = walk.waiting.pop_front() {
            let Some(function) = program.function(&path) else {
                continue;
            };
            if stops.contains(&function.file.as_str()) {
                walk.stopped.insert(path);
                continue;
            }
            if !walk.entered.iter().any(|(file, _)| *file == function.file) {
                walk.entered.push((function.file.clone(), path));
            }
            let mut body = Body {
                walk: &mut walk,
                program,
                function,
                locals: HashMap::new(),
                closures: HashMap::new(),
            };
            body.enter(&derived);
        }
        walk
    }

    fn call(&mut self, path: &str, derived: BTreeSet<usize>) {
        let call = (path.to_owned(), derived);
        if self.called.insert(call.clone()) {
            self.waiting.push_back(call);
        }
    }
}

/// A value in a function.
#[derive(Clone, Default)]
struct Value {
    ty: Ty,
    derived: bool,
}

/// A function's body while it is gone through from top to bottom.
struct Body<'a> {
    walk: &'a mut Walk,
    program: &'a Program,
    function: &'a Function,
    locals: HashMap<String, Value>,
    closures: HashMap<String, ExprClosure>,
}

/// Goes through the parts of an expression that is nothing special: derived if one of them is, of the
/// last type that is known.
struct Parts<'b, 'a> {
    body: &'b mut Body<'a>,
    value: Value,
}

impl Parts<'_, '_> {
    fn add(&mut self, part: Value) {
        self.value.derived |= part.derived;
        if part.ty != Ty::Unknown {
            self.value.ty = part.ty;
        }
    }
}

impl Visit<'_> for Parts<'_, '_> {
    fn visit_expr(&mut self, expr: &Expr) {
        let part = self.body.expr(expr);
        self.add(part);
    }

    fn visit_block(&mut self, block: &Block) {
        let part = self.body.block(block);
        self.add(part);
    }

    fn visit_item(&mut self, _: &syn::Item) {}
}

impl Body<'_> {
    fn enter(&mut self, derived: &BTreeSet<usize>) {
        let function = self.function;
        for (number, argument) in function.sig.inputs.iter().enumerate() {
            let value = Value {
                ty: self.program.parameter(function, argument),
                derived: derived.contains(&number),
            };
            match argument {
                FnArg::Receiver(_) => drop(self.locals.insert("self".to_owned(), value)),
                FnArg::Typed(typed) => self.bind(&typed.pat, &value),
            }
        }
        self.block(&function.block);
    }

    fn block(&mut self, block: &Block) -> Value {
        let mut last = Value::default();
        for statement in &block.stmts {
            last = match statement {
                Stmt::Expr(expr, _) => self.expr(expr),
                Stmt::Macro(item) => self.tokens(item.mac.tokens.clone()),
                Stmt::Local(local) => {
                    if let Some(init) = &local.init {
                        self.bound(&local.pat, &init.expr);
                        if let Some((_, diverge)) = &init.diverge {
                            self.expr(diverge);
                        }
                    }
                    Value::default()
                }
                Stmt::Item(_) => Value::default(),
            };
        }
        last
    }

    /// Gives a pattern what an expression is; a closure is kept, to be called by its name.
    fn bound(&mut self, pat: &Pat, expr: &Expr) {
        if let (Pat::Ident(name), Expr::Closure(closure)) = (pat, expr) {
            self.closures
                .insert(name.ident.to_string(), closure.clone());
        }
        let value = self.expr(expr);
        self.bind(pat, &value);
    }

    /// Gives the names of a pattern what they stand for.
    fn bind(&mut self, pat: &Pat, value: &Value) {
        let of = |ty: Ty| Value { ty, ..*value };
        match pat {
            Pat::Ident(name) => {
                let mut value = value.clone();
                value.derived &= name.ident != TRANSACTION;
                self.locals.insert(name.ident.to_string(), value);
            }
            Pat::Type(typed) => {
                let ty = self.program.ty_in(self.function, &typed.ty);
                let ty = if ty == Ty::Unknown {
                    value.ty.clone()
                } else {
                    ty
                };
                self.bind(&typed.pat, &of(ty));
            }
            Pat::Guard(inner) => {
                self.bind(&inner.pat, value);
                self.expr(&inner.guard);
            }
            Pat::Reference(inner) => self.bind(&inner.pat, value),
            Pat::Paren(inner) => self.bind(&inner.pat, value),
            Pat::Or(inner) => inner.cases.iter().for_each(|pat| self.bind(pat, value)),
            Pat::Slice(inner) => inner.elems.iter().for_each(|pat| self.bind(pat, value)),
            Pat::Tuple(inner) => {
                for (number, pat) in inner.elems.iter().enumerate() {
                    self.bind(pat, &of(self.program.field(&value.ty, &number.to_string())));
                }
            }
            Pat::TupleStruct(inner) => {
                let data = self.resolve(&inner.path).map(Ty::Named);
                for (number, pat) in inner.elems.iter().enumerate() {
                    let ours = data
                        .as_ref()
                        .map(|data| self.program.field(data, &number.to_string()));
                    self.bind(pat, &of(ours.unwrap_or(value.ty.clone())));
                }
            }
            Pat::Struct(inner) => {
                let data = self.resolve(&inner.path).map_or(Ty::Unknown, Ty::Named);
                for field in &inner.fields {
                    self.bind(
                        &field.pat,
                        &of(self.program.field(&data, &member(&field.member))),
                    );
                }
            }
            _ => {}
        }
    }

    /// The full path of what a path names; of `Self::name` too.
    fn resolve(&self, path: &syn::Path) -> Option<String> {
        let names = segments(path);
        match (names.split_first(), &self.function.owner) {
            (Some((first, rest)), Some(owner)) if first == "Self" => Some(
                rest.iter()
                    .fold(owner.clone(), |path, name| format!("{path}::{name}")),
            ),
            _ => self.program.resolve(&self.function.module, &names),
        }
    }

    /// The value of an expression, after following the calls in it.
    fn expr(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Path(path) => match self.locals.get(&name_of(&path.path)) {
                Some(value) => value.clone(),
                None => Value {
                    ty: self.made(&path.path),
                    derived: false,
                },
            },
            Expr::Field(field) => {
                let base = self.expr(&field.base);
                Value {
                    ty: self.program.field(&base.ty, &member(&field.member)),
                    ..base
                }
            }
            Expr::MethodCall(call) => self.method(call),
            Expr::Call(call) => self.call(call),
            Expr::Macro(item) => self.tokens(item.mac.tokens.clone()),
            Expr::Closure(closure) => self.closure(closure, &[]),
            Expr::Struct(data) => Value {
                derived: self.parts(expr).derived,
                ty: self.made(&data.path),
            },
            Expr::Tuple(tuple) => {
                let values: Vec<Value> = tuple.elems.iter().map(|expr| self.expr(expr)).collect();
                Value {
                    derived: values.iter().any(|value| value.derived),
                    ty: Ty::Tuple(values.into_iter().map(|value| value.ty).collect()),
                }
            }
            Expr::Let(bound) => {
                self.bound(&bound.pat, &bound.expr);
                Value::default()
            }
            Expr::Match(chosen) => {
                let value = self.expr(&chosen.expr);
                let mut parts = Value::default();
                for arm in &chosen.arms {
                    self.bind(&arm.pat, &value);
                    let part = self.expr(&arm.body);
                    parts = Value {
                        derived: parts.derived || part.derived || value.derived,
                        ty: if part.ty == Ty::Unknown {
                            parts.ty
                        } else {
                            part.ty
                        },
                    };
                }
                parts
            }
            Expr::ForLoop(each) => {
                self.bound(&each.pat, &each.expr);
                self.block(&each.body)
            }
            Expr::Assign(set) => {
                let value = self.expr(&set.right);
                self.put(&set.left, value.derived);
                Value::default()
            }
            Expr::Index(two) => {
                self.expr(&two.index);
                self.expr(&two.expr)
            }
            _ => self.parts(expr),
        }
    }

    fn parts(&mut self, expr: &Expr) -> Value {
        let value = Value::default();
        let mut parts = Parts { body: self, value };
        syn::visit::visit_expr(&mut parts, expr);
        parts.value
    }

    /// The type of what a path makes: what a function answers, data, a variant.
    fn made(&self, path: &syn::Path) -> Ty {
        let full = self.resolve(path);
        full.map_or(Ty::Unknown, |full| self.program.made(&full))
    }

    /// Puts something into a place, which is derived then.
    fn put(&mut self, place: &Expr, derived: bool) {
        match place {
            Expr::Path(path) => {
                if let Some(value) = self.locals.get_mut(&name_of(&path.path)) {
                    value.derived |= derived;
                }
            }
            Expr::Field(inner) => self.put(&inner.base, derived),
            Expr::Unary(inner) => self.put(&inner.expr, derived),
            Expr::Index(inner) => self.put(&inner.expr, derived),
            _ => {}
        }
    }

    fn closure(&mut self, closure: &ExprClosure, given: &[Value]) -> Value {
        let outer = std::mem::take(&mut self.locals);
        for (number, pat) in closure.inputs.iter().enumerate() {
            let value = given.get(number).or(given.last()).cloned();
            self.bind(pat, &value.unwrap_or_default());
        }
        let own: Vec<String> = self.locals.keys().cloned().collect();
        let inputs = std::mem::replace(&mut self.locals, outer.clone());
        self.locals.extend(inputs);
        let answer = self.expr(&closure.body);
        for name in own {
            match outer.get(&name) {
                Some(value) => self.locals.insert(name, value.clone()),
                None => self.locals.remove(&name),
            };
        }
        answer
    }

    /// The answer of what is called with values, if it is a closure, one that has a name, or ours.
    fn called(&mut self, callee: &Expr, given: &[Value]) -> Option<Value> {
        match callee {
            Expr::Reference(inner) => self.called(&inner.expr, given),
            Expr::Closure(closure) => Some(self.closure(closure, given)),
            Expr::Path(path) => {
                let name = name_of(&path.path);
                // Taken out meanwhile, for its body may call another of its name.
                if let Some(closure) = self.closures.remove(&name) {
                    let answer = self.closure(&closure, given);
                    self.closures.insert(name, closure);
                    return Some(answer);
                }
                let full = self.resolve(&path.path)?;
                let ours =
                    !self.locals.contains_key(&name) && self.program.function(&full).is_some();
                ours.then(|| self.follow(&full, given))
            }
            _ => None,
        }
    }

    /// The answer of a function of ours, which is entered if it is given something derived.
    fn follow(&mut self, path: &str, given: &[Value]) -> Value {
        let places = given.iter().enumerate().filter(|(_, value)| value.derived);
        let derived: BTreeSet<usize> = places.map(|(number, _)| number).collect();
        let any = !derived.is_empty();
        if any {
            self.walk.call(path, derived);
        }
        Value {
            ty: self.program.made(path),
            derived: any,
        }
    }

    /// The values of arguments, and the last type that a closure among them answers. What can be
    /// called is called: by ours with the types that it says, by others with their receiver.
    fn arguments(
        &mut self,
        arguments: &Punctuated<Expr, Token![,]>,
        receiver: &Value,
        ours: Option<&str>,
    ) -> (Vec<Value>, Ty) {
        let plain = arguments.iter().map(|argument| match argument {
            Expr::Closure(_) => Value::default(),
            _ => self.expr(argument),
        });
        let mut values: Vec<Value> = plain.collect();
        let derived = receiver.derived || values.iter().any(|value| value.derived);
        let function = ours.and_then(|path| self.program.function(path));
        let mut answered = Ty::Unknown;
        for (number, (argument, value)) in arguments.iter().zip(&mut values).enumerate() {
            let types = match function {
                Some(function) => self.program.given_to(function, number),
                None => vec![receiver.ty.clone()],
            };
            let given: Vec<Value> = types.into_iter().map(|ty| Value { ty, derived }).collect();
            if let Some(answer) = self.called(argument, &given) {
                answered = answer.ty.clone();
                *value = answer;
            }
        }
        (values, answered)
    }

    fn call(&mut self, call: &syn::ExprCall) -> Value {
        let ours = match &*call.func {
            Expr::Path(path) => self.resolve(&path.path),
            _ => None,
        };
        let (values, answered) = self.arguments(&call.args, &Value::default(), ours.as_deref());
        let derived = values.iter().any(|value| value.derived);
        let value = self.called(&call.func, &values).unwrap_or_else(|| Value {
            derived,
            ..self.expr(&call.func)
        });
        let known = [value.ty, answered]
            .into_iter()
            .find(|ty| *ty != Ty::Unknown);
        // `Some(x)` and the like are what is in them.
        let first = values.first().filter(|_| ours.is_none());
        Value {
            ty: known
                .or(first.map(|value| value.ty.clone()))
                .unwrap_or_default(),
            derived: value.derived,
        }
    }

    fn method(&mut self, call: &syn::ExprMethodCall) -> Value {
        let name = call.method.to_string();
        let receiver = self.expr(&call.receiver);
        let ours = self.program.method(&receiver.ty, &name);
        let known = !OTHERS.contains(&name.as_str());
        let given = Value {
            ty: if known {
                receiver.ty.clone()
            } else {
                Ty::Unknown
            },
            ..receiver
        };
        let (mut values, answered) = self.arguments(&call.args, &given, ours.as_deref());
        let any = values.iter().any(|value| value.derived);
        let derived = receiver.derived || any;
        if let Some(path) = ours {
            values.insert(0, receiver);
            let value = self.follow(&path, &values);
            let ty = if value.ty == Ty::Unknown {
                answered
            } else {
                value.ty
            };
            return Value { ty, derived };
        }
        match &receiver.ty {
            Ty::Named(data) if derived && self.program.is_trait(data) => {
                self.walk.stopped.insert(format!("dyn {data}::{name}"));
            }
            Ty::Unknown if derived && self.program.has_method(&name) => {
                *self.walk.unknown.entry(name.clone()).or_default() += 1;
            }
            _ => {}
        }
        if PUTS.contains(&name.as_str()) {
            self.put(&call.receiver, any);
        }
        let maps = MAPS.contains(&name.as_str()) && answered != Ty::Unknown;
        let ty = if maps { answered } else { receiver.ty };
        Value { ty, derived }
    }

    /// What a macro is given, as far as it is made of expressions: `a, b`, or `"key": a` in braces.
    fn tokens(&mut self, tokens: TokenStream) -> Value {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(exprs) = parser.parse2(tokens.clone()) {
            let values = exprs.iter().map(|expr| self.expr(expr).derived);
            let derived = values.fold(false, |one, other| one | other);
            return Value {
                derived,
                ..Value::default()
            };
        }
        let mut value = Value::default();
        let mut piece = Vec::new();
        for token in tokens
            .into_iter()
            .chain([TokenTree::from(proc_macro2::Punct::new(
                ',',
                proc_macro2::Spacing::Alone,
            ))])
        {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ',' => {
                    let mut part: Vec<TokenTree> = std::mem::take(&mut piece);
                    if matches!(
                        (part.first(), part.get(1)),
                        (Some(TokenTree::Literal(_)), Some(TokenTree::Punct(_)))
                    ) {
                        part.drain(..2);
                    }
                    let inner = match part.as_slice() {
                        [TokenTree::Group(group)]
                            if group.delimiter() != Delimiter::Parenthesis =>
                        {
                            self.tokens(group.stream())
                        }
                        _ => syn::parse2(part.into_iter().collect())
                            .map_or(Value::default(), |expr| self.expr(&expr)),
                    };
                    value.derived |= inner.derived;
                }
                token => piece.push(token),
            }
        }
        value
    }
}

fn name_of(path: &syn::Path) -> String {
    path.get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn member(member: &syn::Member) -> String {
    match member {
        syn::Member::Named(name) => name.to_string(),
        syn::Member::Unnamed(index) => index.index.to_string(),
    }
}
