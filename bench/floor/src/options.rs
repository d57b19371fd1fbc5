//! The command line, read by hand: four options do not deserve a dependency.

use crate::Result;
use std::path::PathBuf;

/// What to measure.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    /// Records that the criteria selects.
    pub(crate) records: usize,
    /// Rows of the whole table; the selected ones are scattered evenly.
    pub(crate) table: usize,
    /// Records in a transaction.
    pub(crate) chunk: usize,
    /// Where the database is made; default: beside the build.
    pub(crate) dir: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            records: 50_000,
            table: 0,
            chunk: 1_000,
            dir: None,
        };
        while let Some(word) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--records" => options.records = value.parse()?,
                "--table" => options.table = value.parse()?,
                "--chunk" => options.chunk = value.parse()?,
                "--dir" => options.dir = Some(value.into()),
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        if options.table == 0 {
            options.table = options.records;
        }
        if options.records == 0 || options.chunk == 0 || options.table < options.records {
            return Err("records and chunk are at least 1, and table at least records".into());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_table_is_as_large_as_the_selection_unless_told() {
        let options = |records, table| Options {
            records,
            table,
            chunk: 1_000,
            dir: None,
        };
        assert_eq!(parse("").unwrap(), options(50_000, 50_000));
        assert_eq!(parse("--records 7").unwrap(), options(7, 7));
        assert_eq!(parse("--records 7 --table 9").unwrap(), options(7, 9));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--records",
            "--records x",
            "--table 1",
            "--chunk 0",
            "--what 1",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
