//! Lists of values in one parameter.

/// Parses a list of values as a line of CSV (RFC 4180), except that spaces around values are ignored. A value in quotation
/// marks may contain commas, spaces, and doubled quotation marks. Returns `None` if a quotation mark is not closed.
pub(crate) fn parse(list: &str) -> Option<Vec<String>> {
    let (mut values, mut rest) = (Vec::new(), list);
    loop {
        let (value, after) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => parse_quoted(quoted)?,
            None => {
                let (value, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                (value.trim().to_owned(), after)
            }
        };
        values.push(value);
        match after.strip_prefix(',') {
            Some(further) => rest = further,
            None => return after.is_empty().then_some(values),
        }
    }
}

/// Parses a value whose opening quotation mark has been consumed; returns it and the rest of the list.
fn parse_quoted(quoted: &str) -> Option<(String, &str)> {
    let (mut value, mut rest) = (String::new(), quoted);
    loop {
        let (text, after) = rest.split_once('"')?;
        value.push_str(text);
        match after.strip_prefix('"') {
            Some(further) => {
                value.push('"');
                rest = further;
            }
            None => return Some((value, after.trim_start())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quoted_values_keep_commas_and_spaces() {
        for (list, values) in [
            (r#""a,b""#, &["a,b"][..]),
            (r#" "a,b" , c "#, &["a,b", "c"]),
            (r#"" lead ""#, &[" lead "]),
            (r#""say ""hi""","","x""#, &[r#"say "hi""#, "", "x"]),
            // A quotation mark inside an unquoted value is literal.
            (r#"a"b,5" disk,c\"#, &[r#"a"b"#, r#"5" disk"#, r"c\"]),
            (r"DOMAIN\ada,a\,b", &[r"DOMAIN\ada", r"a\", "b"]),
        ] {
            assert_eq!(parse(list).unwrap(), values, "{list}");
        }
        for list in [r#"""#, r#""a"#, r#""a"b"#, r#"x,"a,b"#, r#""a"" ,b"#] {
            assert_eq!(parse(list), None, "{list}");
        }
    }

    proptest! {
        #[test]
        fn every_value_can_be_quoted(values in prop::collection::vec("[a\", \\\\]{0,6}", 1..4)) {
            let quoted = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\"")));
            let list = quoted.collect::<Vec<_>>().join(",");
            prop_assert_eq!(parse(&list), Some(values));
        }

        #[test]
        fn unquoted_values_are_split_at_commas(list in "[a ,\\\\]{0,12}") {
            let plain: Vec<String> = list.split(',').map(|value| value.trim().to_owned()).collect();
            prop_assert_eq!(parse(&list), Some(plain));
        }
    }
}
