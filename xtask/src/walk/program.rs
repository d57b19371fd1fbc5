//! The program's functions, types and names, read from its source.
//!
//! Names are found as the compiler finds them, by modules, `use` lines, globs and re-exports; tests
//! and what macros make are left out. Types are only as exact as following a method needs: `&T`,
//! `Option<T>`, `Result<T, _>`, `Vec<T>` and the like are `T`.

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::path::Path;
use syn::{
    Fields, FnArg, GenericArgument, Item, PathArguments, ReturnType, Type, TypeParamBound, UseTree,
};

/// A function with its place.
pub(super) struct Function {
    pub(super) file: String,
    /// The module it stands in.
    pub(super) module: String,
    /// What `Self` is.
    pub(super) owner: Option<String>,
    pub(super) sig: syn::Signature,
    pub(super) block: syn::Block,
}

/// What a full path names.
pub(super) enum Thing {
    Module,
    Trait,
    Function(Box<Function>),
    /// A struct, an enum's variant, or (without fields) an enum.
    Data(HashMap<String, (String, Type)>),
    Alias(String, Box<Type>),
}

/// As much as is known of a value's type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Ty {
    /// One of ours, by its full path.
    Named(String),
    Tuple(Vec<Self>),
    #[default]
    Unknown,
}

#[derive(Default)]
pub(super) struct Program {
    things: HashMap<String, Thing>,
    /// By module: a name and the path that it stands for. A glob has no name.
    uses: HashMap<String, Vec<(String, Vec<String>)>>,
    /// What a type's `Deref` gives.
    derefs: HashMap<String, Ty>,
    /// Blocks of methods, until every name is known.
    blocks: Vec<(String, String, syn::ItemImpl)>,
}

impl Program {
    /// Reads the sources of every crate: `crates/NAME/src`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut program = Self::default();
        for entry in std::fs::read_dir(root.join("crates"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            program.read_folder(
                root,
                &path.join("src"),
                name.context("a name that is no text")?,
            )?;
        }
        program.finish();
        Ok(program)
    }

    fn read_folder(&mut self, root: &Path, folder: &Path, module: &str) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or("");
            let inner = match stem {
                "lib" | "main" => module.to_owned(),
                _ => format!("{module}::{stem}"),
            };
            if path.is_dir() {
                self.read_folder(root, &path, &inner)?;
            } else if stem != "tests" && path.extension().is_some_and(|end| end == "rs") {
                let file = path.strip_prefix(root)?.display().to_string();
                self.add(&file, &inner, &std::fs::read_to_string(&path)?)?;
            }
        }
        Ok(())
    }

    /// Adds one file.
    pub(super) fn add(&mut self, file: &str, module: &str, text: &str) -> Result<()> {
        let parsed = syn::parse_file(text).with_context(|| file.to_owned())?;
        self.items(file, module, parsed.items);
        Ok(())
    }

    fn items(&mut self, file: &str, module: &str, items: Vec<Item>) {
        self.things.insert(module.to_owned(), Thing::Module);
        let at = |name: &syn::Ident| format!("{module}::{name}");
        for item in items {
            match item {
                Item::Fn(item) => {
                    let function = Function {
                        file: file.to_owned(),
                        module: module.to_owned(),
                        owner: None,
                        sig: item.sig,
                        block: *item.block,
                    };
                    let path = at(&function.sig.ident);
                    self.things
                        .insert(path, Thing::Function(Box::new(function)));
                }
                Item::Struct(item) => {
                    let fields = fields(module, &item.fields);
                    self.things.insert(at(&item.ident), Thing::Data(fields));
                }
                Item::Enum(item) => {
                    let path = at(&item.ident);
                    for variant in &item.variants {
                        let inner = format!("{path}::{}", variant.ident);
                        let fields = fields(module, &variant.fields);
                        self.things.insert(inner, Thing::Data(fields));
                    }
                    self.things.insert(path, Thing::Data(HashMap::new()));
                }
                Item::Type(item) => {
                    let alias = Thing::Alias(module.to_owned(), item.ty);
                    self.things.insert(at(&item.ident), alias);
                }
                Item::Trait(item) => {
                    self.things.insert(at(&item.ident), Thing::Trait);
                }
                Item::Impl(item) => self.blocks.push((file.to_owned(), module.to_owned(), item)),
                Item::Use(item) => self.use_tree(module, Vec::new(), item.tree),
                Item::Mod(item) if item.ident != "tests" => {
                    if let Some((_, items)) = item.content {
                        self.items(file, &at(&item.ident), items);
                    }
                }
                _ => {}
            }
        }
    }

    fn use_tree(&mut self, module: &str, mut path: Vec<String>, tree: UseTree) {
        let name = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.use_tree(module, path, *tree.tree);
            }
            UseTree::Group(group) => {
                for tree in group.items {
                    self.use_tree(module, path.clone(), tree);
                }
                return;
            }
            UseTree::Glob(_) => String::new(),
            UseTree::Name(tree) if tree.ident == "self" => path.last().cloned().unwrap_or_default(),
            UseTree::Name(tree) => {
                path.push(tree.ident.to_string());
                tree.ident.to_string()
            }
            UseTree::Rename(tree) => {
                path.push(tree.ident.to_string());
                tree.rename.to_string()
            }
        };
        let uses = self.uses.entry(module.to_owned()).or_default();
        uses.push((name, path));
    }

    /// Gives the methods to their types, when every name is known.
    pub(super) fn finish(&mut self) {
        for (file, module, block) in std::mem::take(&mut self.blocks) {
            let Ty::Named(owner) = self.ty(&module, None, &block.self_ty) else {
                continue;
            };
            for item in block.items {
                if let syn::ImplItem::Type(item) = &item
                    && item.ident == "Target"
                {
                    let target = self.ty(&module, Some(&owner), &item.ty);
                    self.derefs.insert(owner.clone(), target);
                }
                if let syn::ImplItem::Fn(item) = item {
                    let path = format!("{owner}::{}", item.sig.ident);
                    let function = Function {
                        file: file.clone(),
                        module: module.clone(),
                        owner: Some(owner.clone()),
                        sig: item.sig,
                        block: item.block,
                    };
                    self.things
                        .insert(path, Thing::Function(Box::new(function)));
                }
            }
        }
    }

    pub(super) fn function(&self, path: &str) -> Option<&Function> {
        match self.things.get(path) {
            Some(Thing::Function(function)) => Some(function),
            _ => None,
        }
    }

    pub(super) fn is_trait(&self, path: &str) -> bool {
        matches!(self.things.get(path), Some(Thing::Trait))
    }

    /// The types that have a method of this name.
    pub(super) fn has_method(&self, name: &str) -> bool {
        self.things.iter().any(|(path, thing)| {
            let method = matches!(thing, Thing::Function(function) if function.owner.is_some());
            method && path.rsplit("::").next() == Some(name)
        })
    }

    /// The full path of a method, also of what a type stands for by `Deref`.
    pub(super) fn method(&self, ty: &Ty, name: &str) -> Option<String> {
        let Ty::Named(data) = ty else {
            return None;
        };
        let path = format!("{data}::{name}");
        if self.function(&path).is_some() {
            return Some(path);
        }
        self.method(self.derefs.get(data)?, name)
    }

    /// The type of a field, by its name or its number.
    pub(super) fn field(&self, ty: &Ty, name: &str) -> Ty {
        let data = match ty {
            Ty::Named(data) => data,
            Ty::Tuple(types) => {
                let place = name.parse().unwrap_or(usize::MAX);
                return types.get(place).cloned().unwrap_or_default();
            }
            Ty::Unknown => return Ty::Unknown,
        };
        let own = match self.things.get(data) {
            Some(Thing::Data(fields)) => fields.get(name),
            _ => None,
        };
        match (own, self.derefs.get(data)) {
            (Some((module, ty)), _) => self.ty(module, Some(data), ty),
            (None, Some(target)) => self.field(target, name),
            (None, None) => Ty::Unknown,
        }
    }

    /// The full path of what a path in a module names.
    pub(super) fn resolve(&self, module: &str, path: &[String]) -> Option<String> {
        self.resolve_within(module, path, 0)
    }

    fn resolve_within(&self, module: &str, path: &[String], depth: usize) -> Option<String> {
        let (first, rest) = path.split_first()?;
        if depth > 16 {
            return None;
        }
        let parent = || {
            module
                .rsplit_once("::")
                .map_or(module, |(parent, _)| parent)
        };
        let start = match first.as_str() {
            "crate" => module.split("::").next()?.to_owned(),
            "self" => module.to_owned(),
            "super" if rest.first().is_some_and(|next| next == "super") => {
                return self.resolve_within(parent(), rest, depth + 1);
            }
            "super" => parent().to_owned(),
            _ => self.named(module, first, depth)?,
        };
        rest.iter()
            .try_fold(start, |at, next| match self.things.get(&at) {
                Some(Thing::Module) => self.named(&at, next, depth + 1),
                _ => self.below(&at, next),
            })
    }

    fn below(&self, data: &str, name: &str) -> Option<String> {
        let path = match self.things.get(data)? {
            Thing::Alias(module, ty) => match self.ty(module, None, ty) {
                Ty::Named(real) => format!("{real}::{name}"),
                _ => return None,
            },
            _ => format!("{data}::{name}"),
        };
        self.things.contains_key(&path).then_some(path)
    }

    /// What one name means in a module: an item, a `use`, a crate, something under a glob.
    fn named(&self, module: &str, name: &str, depth: usize) -> Option<String> {
        let own = format!("{module}::{name}");
        if self.things.contains_key(&own) {
            return Some(own);
        }
        let uses = self.uses.get(module).map(Vec::as_slice).unwrap_or_default();
        for (alias, path) in uses {
            let again = path.first().is_some_and(|first| first == name);
            if alias == name && !again {
                return self.resolve_within(module, path, depth + 1);
            }
            if alias == name && path.len() > 1 {
                return self.resolve_within(name, path.get(1..)?, depth + 1);
            }
        }
        if matches!(self.things.get(name), Some(Thing::Module)) {
            return Some(name.to_owned());
        }
        let globs = uses.iter().filter(|(alias, _)| alias.is_empty());
        globs.into_iter().find_map(|(_, path)| {
            let mut below = path.clone();
            below.push(name.to_owned());
            self.resolve_within(module, &below, depth + 1)
        })
    }

    /// The type of a parameter; the receiver is the first.
    pub(super) fn parameter(&self, function: &Function, argument: &FnArg) -> Ty {
        match argument {
            FnArg::Receiver(_) => function.owner.clone().map_or(Ty::Unknown, Ty::Named),
            FnArg::Typed(typed) => self.ty_in(function, &typed.ty),
        }
    }

    /// The types that a function gives to what it is passed at a place, which it calls.
    pub(super) fn given_to(&self, function: &Function, number: usize) -> Vec<Ty> {
        let typed = function
            .sig
            .inputs
            .iter()
            .filter_map(|argument| match argument {
                FnArg::Typed(typed) => Some(&*typed.ty),
                FnArg::Receiver(_) => None,
            });
        let mut ty = typed.into_iter().nth(number);
        while let Some(Type::Reference(inner)) = ty {
            ty = Some(&inner.elem);
        }
        let bounds = match ty {
            Some(Type::ImplTrait(inner)) => &inner.bounds,
            Some(Type::TraitObject(inner)) => &inner.bounds,
            _ => return vec![Ty::Unknown],
        };
        let inputs = bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => match &bound.path.segments.last()?.arguments {
                PathArguments::Parenthesized(arguments) => Some(&arguments.inputs),
                _ => None,
            },
            _ => None,
        });
        let given = inputs.into_iter().flatten();
        given
            .map(|argument| self.ty_in(function, &argument.ty))
            .collect()
    }

    /// The type of what a path makes: what a function answers, data, and for a variant its enum.
    pub(super) fn made(&self, path: &str) -> Ty {
        match (self.things.get(path), path.rsplit_once("::")) {
            (Some(Thing::Data(_)), Some((parent, _))) => match self.things.get(parent) {
                Some(Thing::Data(_)) => Ty::Named(parent.to_owned()),
                _ => Ty::Named(path.to_owned()),
            },
            (Some(Thing::Alias(module, ty)), _) => self.ty(module, None, ty),
            (Some(Thing::Function(function)), _) => match &function.sig.output {
                ReturnType::Default => Ty::Unknown,
                ReturnType::Type(_, ty) => self.ty_in(function, ty),
            },
            _ => Ty::Unknown,
        }
    }

    /// The full path of a function in a file.
    pub(super) fn in_file(&self, file: &str, name: &str) -> Option<&str> {
        let found = self.things.iter().filter(|(path, thing)| {
            let here = matches!(thing, Thing::Function(function) if function.file == file);
            here && path.rsplit("::").next() == Some(name)
        });
        found.map(|(path, _)| path.as_str()).min()
    }

    /// What a type is that is written in a function.
    pub(super) fn ty_in(&self, function: &Function, ty: &Type) -> Ty {
        self.ty(&function.module, function.owner.as_deref(), ty)
    }

    /// What a written type is.
    fn ty(&self, module: &str, owner: Option<&str>, ty: &Type) -> Ty {
        let bounds = |bounds: &mut dyn Iterator<Item = &TypeParamBound>| {
            let known = bounds.filter_map(|bound| match bound {
                TypeParamBound::Trait(bound) => Some(self.path_ty(module, owner, &bound.path)),
                _ => None,
            });
            known
                .into_iter()
                .find(|ty| *ty != Ty::Unknown)
                .unwrap_or_default()
        };
        match ty {
            Type::Reference(inner) => self.ty(module, owner, &inner.elem),
            Type::Slice(inner) => self.ty(module, owner, &inner.elem),
            Type::Array(inner) => self.ty(module, owner, &inner.elem),
            Type::Paren(inner) => self.ty(module, owner, &inner.elem),
            Type::Group(inner) => self.ty(module, owner, &inner.elem),
            Type::Tuple(inner) => {
                let elems = inner.elems.iter().map(|ty| self.ty(module, owner, ty));
                Ty::Tuple(elems.collect())
            }
            Type::TraitObject(inner) => bounds(&mut inner.bounds.iter()),
            Type::ImplTrait(inner) => bounds(&mut inner.bounds.iter()),
            Type::Path(inner) if inner.qself.is_none() => self.path_ty(module, owner, &inner.path),
            _ => Ty::Unknown,
        }
    }

    fn path_ty(&self, module: &str, owner: Option<&str>, path: &syn::Path) -> Ty {
        if path.is_ident("Self") {
            return owner.map_or(Ty::Unknown, |owner| Ty::Named(owner.to_owned()));
        }
        if let Some(path) = self.resolve(module, &segments(path)) {
            match self.things.get(&path) {
                Some(Thing::Data(_) | Thing::Trait) => return Ty::Named(path),
                // One with parameters, such as a crate's own `Result`, is what it is given.
                Some(Thing::Alias(module, ty)) => match self.ty(module, None, ty) {
                    Ty::Unknown => {}
                    known => return known,
                },
                _ => {}
            }
        }
        let Some(last) = path.segments.last() else {
            return Ty::Unknown;
        };
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return Ty::Unknown;
        };
        // What went well, never what went wrong.
        let taken = if last.ident == "Result" {
            1
        } else {
            usize::MAX
        };
        let inner = arguments
            .args
            .iter()
            .take(taken)
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(self.ty(module, owner, ty)),
                GenericArgument::AssocType(item) => Some(self.ty(module, owner, &item.ty)),
                _ => None,
            });
        let mut inner: Vec<Ty> = inner.filter(|ty| *ty != Ty::Unknown).collect();
        if last.ident.to_string().ends_with("Map") {
            inner.reverse();
        }
        inner.into_iter().next().unwrap_or_default()
    }
}

/// The names of a path.
pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    let names = path.segments.iter();
    names.map(|segment| segment.ident.to_string()).collect()
}

fn fields(module: &str, fields: &Fields) -> HashMap<String, (String, Type)> {
    let named = (0..).zip(fields).map(|(number, field): (usize, _)| {
        let name = field
            .ident
            .as_ref()
            .map_or(number.to_string(), ToString::to_string);
        (name, (module.to_owned(), field.ty.clone()))
    });
    named.collect()
}
