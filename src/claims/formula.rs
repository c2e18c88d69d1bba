//! Formulas of claims: `+ - * / ( )` over numbers and named figures, evaluated with the range of every figure.
//!
//! A name stands for one quantity wherever it is written: the formula is evaluated at every corner of the ranges of its
//! names, so that `a - a` is nothing. Beyond six names with a range it is evaluated by interval arithmetic,
//! which is never too narrow. Corners are the extremes of what a sum, a product or a quotient of different names can be.

use std::fmt;
use std::ops::Range;

use crate::library::diagnostic::quoted;

/// Names with a range whose corners are tried one by one: 64 evaluations.
const MOST_CORNERS: usize = 6;
/// Parentheses and signs within each other.
const DEEPEST: usize = 64;
/// Bytes of a formula.
const LONGEST: usize = 2_000;

/// A quantity with what it may be at least and at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub mid: f64,
    pub high: f64,
}

/// A formula, and the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    text: String,
    root: Node,
}

/// Why a text is no formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaError {
    pub message: String,
    /// Bytes of the text.
    pub span: Range<usize>,
    pub help: String,
}

/// Why a formula has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing states this name.
    Name(String),
    /// What is divided by may be zero.
    Division(String),
    /// The value is beyond what a number can hold.
    Overflow,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Name(String, Range<usize>),
    Minus(Box<Node>),
    Pair(Operator, Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

impl Interval {
    pub fn exact(value: f64) -> Interval {
        Interval { low: value, mid: value, high: value }
    }

    /// A value with its range, which is given in any order.
    pub fn new(value: f64, range: [f64; 2]) -> Interval {
        let [a, b] = range;
        Interval { low: a.min(b).min(value), mid: value, high: a.max(b).max(value) }
    }

    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }

    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    fn of(self, operator: Operator, other: Interval) -> Interval {
        let corners = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        let values = corners.map(|(a, b)| operator.of(a, b));
        Interval {
            low: values.into_iter().fold(f64::INFINITY, f64::min),
            mid: operator.of(self.mid, other.mid),
            high: values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

impl Operator {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Operator::Plus => a + b,
            Operator::Minus => a - b,
            Operator::Times => a * b,
            Operator::Over => a / b,
        }
    }
}

impl fmt::Display for FormulaError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.message, self.help)
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unknown::Name(name) => write!(out, "nothing states {name}"),
            Unknown::Division(divisor) => write!(out, "{divisor} may be zero and is divided by"),
            Unknown::Overflow => write!(out, "the value is no finite number"),
        }
    }
}

impl Formula {
    /// Reads a formula.
    pub fn parse(text: &str) -> Result<Formula, FormulaError> {
        if text.len() > LONGEST {
            return Err(wrong("the formula is too long", 0..text.len(), format!("write at most {LONGEST} characters")));
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let root = parser.sum()?;
        match parser.peek() {
            None => Ok(Formula { text: text.to_owned(), root }),
            Some(')') => Err(wrong("a parenthesis is closed that was not opened", parser.here(), "take it out")),
            Some(_) => {
                let help = "write one of + - * / between two values";
                Err(wrong(format!("{} is no operator", quoted(parser.word())), parser.here(), help))
            }
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names in the formula, each once, in the order in which it mentions them.
    pub fn names(&self) -> Vec<&str> {
        self.root.names().into_iter().map(|(name, _)| name).collect()
    }

    /// The bytes at which a name is first mentioned.
    pub fn place(&self, name: &str) -> Option<Range<usize>> {
        self.root.names().into_iter().find(|(known, _)| *known == name).map(|(_, span)| span.clone())
    }

    /// The value, given what each name stands for.
    pub fn evaluate(&self, named: &dyn Fn(&str) -> Option<Interval>) -> Result<Interval, Unknown> {
        let mut values = Vec::new();
        for name in self.names() {
            values.push((name, named(name).ok_or_else(|| Unknown::Name(name.to_owned()))?));
        }
        let values = Values(values);
        self.root.check(&values)?;
        let found = self.root.extremes(&values);
        let finite = [found.low, found.mid, found.high].into_iter().all(f64::is_finite);
        if finite { Ok(found) } else { Err(Unknown::Overflow) }
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// What the names of a formula stand for.
struct Values<'a>(Vec<(&'a str, Interval)>);

impl Values<'_> {
    fn get(&self, name: &str) -> Interval {
        let known = self.0.iter().find(|(known, _)| *known == name);
        known.map_or(Interval::exact(f64::NAN), |(_, value)| *value)
    }

    /// The same with each of some names at one end of its range, by the bits of a number.
    fn corner(&self, wide: &[&str], corner: usize) -> Values<'_> {
        let value = |(name, value): &(_, Interval)| {
            let bit = wide.iter().position(|known| known == name);
            let end = match bit {
                None => value.mid,
                Some(bit) if corner >> bit & 1 == 0 => value.low,
                Some(_) => value.high,
            };
            (*name, Interval::exact(end))
        };
        Values(self.0.iter().map(value).collect())
    }
}

impl Node {
    /// The names below, each once, with the place of its first mention.
    fn names(&self) -> Vec<(&str, &Range<usize>)> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<(&'a str, &'a Range<usize>)>) {
        match self {
            Node::Number(_) => {}
            Node::Name(name, span) if found.iter().all(|(known, _)| known != name) => found.push((name, span)),
            Node::Name(..) => {}
            Node::Minus(inner) => inner.collect(found),
            Node::Pair(_, left, right) => {
                left.collect(found);
                right.collect(found);
            }
        }
    }

    /// No divisor may be zero.
    fn check(&self, values: &Values<'_>) -> Result<(), Unknown> {
        match self {
            Node::Number(_) | Node::Name(..) => Ok(()),
            Node::Minus(inner) => inner.check(values),
            Node::Pair(operator, left, right) => {
                left.check(values)?;
                right.check(values)?;
                if *operator == Operator::Over && right.extremes(values).holds(0.0) {
                    return Err(Unknown::Division(right.to_string()));
                }
                Ok(())
            }
        }
    }

    /// The least, the central and the most that it can be.
    fn extremes(&self, values: &Values<'_>) -> Interval {
        let names = self.names();
        let wide: Vec<&str> =
            names.into_iter().map(|(name, _)| name).filter(|name| !values.get(name).is_exact()).collect();
        if wide.len() > MOST_CORNERS {
            return self.arithmetic(values);
        }
        let mid = self.arithmetic(&values.corner(&[], 0)).mid;
        let corners = (0..1usize << wide.len()).map(|corner| self.arithmetic(&values.corner(&wide, corner)).mid);
        corners.fold(Interval::exact(mid), |found, value| Interval {
            low: found.low.min(value),
            mid,
            high: found.high.max(value),
        })
    }

    /// Interval arithmetic, operation by operation.
    fn arithmetic(&self, values: &Values<'_>) -> Interval {
        match self {
            Node::Number(number) => Interval::exact(*number),
            Node::Name(name, _) => values.get(name),
            Node::Minus(inner) => {
                let Interval { low, mid, high } = inner.arithmetic(values);
                Interval { low: -high, mid: -mid, high: -low }
            }
            Node::Pair(operator, left, right) => left.arithmetic(values).of(*operator, right.arithmetic(values)),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Number(number) => write!(out, "{number}"),
            Node::Name(name, _) => out.write_str(name),
            Node::Minus(inner) => write!(out, "-{inner}"),
            Node::Pair(operator, left, right) => {
                let sign = match operator {
                    Operator::Plus => '+',
                    Operator::Minus => '-',
                    Operator::Times => '*',
                    Operator::Over => '/',
                };
                write!(out, "({left} {sign} {right})")
            }
        }
    }
}

fn wrong(message: impl Into<String>, span: Range<usize>, help: impl Into<String>) -> FormulaError {
    FormulaError { message: message.into(), span, help: help.into() }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    /// The word or the character that stands next.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let letters = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        rest.get(..letters.max(first)).unwrap_or_default()
    }

    fn here(&self) -> Range<usize> {
        self.at..self.at + self.word().len()
    }

    fn sum(&mut self) -> Result<Node, FormulaError> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Plus,
                Some('-') => Operator::Minus,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Pair(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Node, FormulaError> {
        let mut left = self.value()?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Times,
                Some('/') => Operator::Over,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Pair(operator, Box::new(left), Box::new(self.value()?));
        }
    }

    fn value(&mut self) -> Result<Node, FormulaError> {
        let help = "write a number, a name such as us_generation_twh, or ( )";
        let Some(next) = self.peek() else {
            return Err(wrong("the formula ends where a value should stand", self.at..self.at, help));
        };
        match next {
            '-' | '(' => self.within(next),
            '0'..='9' | '.' => self.number(),
            'a'..='z' => {
                let (name, span) = (self.word(), self.here());
                if name.chars().any(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_')) {
                    let help = "names are written in small letters, digits and _";
                    return Err(wrong(format!("{} is no name", quoted(name)), span, help));
                }
                self.at = span.end;
                Ok(Node::Name(name.to_owned(), span))
            }
            _ => Err(wrong(format!("{} is no value", quoted(self.word())), self.here(), help)),
        }
    }

    /// A sign or a parenthesis with what belongs to it.
    fn within(&mut self, opening: char) -> Result<Node, FormulaError> {
        let start = self.at;
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            let help = format!("write at most {DEEPEST} parentheses and signs within each other");
            return Err(wrong("the formula is nested too deep", start..self.at, help));
        }
        let node = if opening == '-' {
            Node::Minus(Box::new(self.value()?))
        } else {
            let inner = self.sum()?;
            match self.peek() {
                Some(')') => self.at += 1,
                None => return Err(wrong("a parenthesis is not closed", start..start + 1, "close it with )")),
                Some(_) => {
                    let help = "write one of + - * / between two values, or close the parenthesis";
                    return Err(wrong(format!("{} is no operator", quoted(self.word())), self.here(), help));
                }
            }
            inner
        };
        self.depth -= 1;
        Ok(node)
    }

    fn number(&mut self) -> Result<Node, FormulaError> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let mut length = digits(0);
        if bytes.get(length) == Some(&b'.') {
            length += 1 + digits(length + 1);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            length += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let span = self.at..self.at + length;
        let text = self.text.get(span.clone()).unwrap_or_default();
        self.at = span.end;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Node::Number(number)),
            _ => Err(wrong(format!("{} is no number", quoted(text)), span, "write it as 12, 0.5 or 1e9")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn value(text: &str) -> Interval {
        let named = |name: &str| match name {
            "a" => Some(Interval::new(10.0, [8.0, 12.0])),
            "b" => Some(Interval::new(4.0, [2.0, 5.0])),
            "c_2" => Some(Interval::exact(3.0)),
            "z" => Some(Interval::new(0.1, [-1.0, 1.0])),
            _ => None,
        };
        Formula::parse(text).unwrap().evaluate(&named).unwrap()
    }

    fn central(text: &str) -> f64 {
        value(text).mid
    }

    #[test]
    fn products_bind_closer_than_sums_and_operators_of_one_kind_go_from_left_to_right() {
        assert_eq!(central("1 + 2*3 - 4/2"), 5.0);
        assert_eq!(central("8 - 3 - 2"), 3.0);
        assert_eq!(central("64 / 4 / 2"), 8.0);
        assert_eq!(central("-(1+2)*-3"), 9.0);
        assert_eq!(central("2.788e6*2/1e6"), 5.576);
        assert_eq!(central("1E-2 + .5"), 0.51);
        assert_eq!(central("c_2 * 2"), 6.0);
    }

    #[test]
    fn a_value_spans_what_its_names_span() {
        assert_eq!(value("a / b"), Interval { low: 1.6, mid: 2.5, high: 6.0 });
        assert_eq!(value("a - b"), Interval { low: 3.0, mid: 6.0, high: 10.0 });
        assert_eq!(value("z * a"), Interval { low: -12.0, mid: 1.0, high: 12.0 });
    }

    #[test]
    fn a_name_written_twice_is_one_quantity() {
        assert_eq!(value("a - a"), Interval::exact(0.0));
        assert_eq!(value("(a - b) / a"), Interval { low: 0.375, mid: 0.6, high: 1.0 - 2.0 / 12.0 });
        assert_eq!(central("100 / (a - a + 4)"), 25.0);
    }

    #[test]
    fn beyond_six_names_a_range_is_never_too_narrow() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let formula = Formula::parse(&names.join(" + ")).unwrap();
        assert_eq!(formula.names(), names);
        let found = formula.evaluate(&|_| Some(Interval::new(1.0, [0.0, 3.0]))).unwrap();
        assert_eq!(found, Interval { low: 0.0, mid: 7.0, high: 21.0 });
    }

    #[test]
    fn a_divisor_that_may_be_zero_is_said_in_words() {
        let formula = Formula::parse("1 / (a * 2)").unwrap();
        let unknown = formula.evaluate(&|_| Some(Interval::new(1.0, [-1.0, 2.0]))).unwrap_err();
        assert_eq!(unknown.to_string(), "(a * 2) may be zero and is divided by");
        assert!(matches!(Formula::parse("1/0").unwrap().evaluate(&|_| None), Err(Unknown::Division(_))));
        assert_eq!(Formula::parse("1e308 * 10").unwrap().evaluate(&|_| None), Err(Unknown::Overflow));
        let missing = Formula::parse("2 * nobody").unwrap();
        assert_eq!(missing.evaluate(&|_| None).unwrap_err().to_string(), "nothing states nobody");
        assert_eq!(missing.place("nobody"), Some(4..10));
    }

    #[test]
    fn what_is_no_formula_is_told_with_its_place() {
        let cases = [
            ("", 0..0, "ends"),
            ("1 +", 3..3, "ends"),
            ("1 + * 2", 4..5, "`*` is no value"),
            ("(1 + 2", 0..1, "not closed"),
            ("1 + 2)", 5..6, "not opened"),
            ("gap needed", 4..10, "`needed` is no operator"),
            ("5x", 1..2, "`x` is no operator"),
            ("Gap / 2", 0..3, "`Gap` is no value"),
            ("lückig", 0..7, "is no name"),
            ("2 ** 3", 3..4, "`*` is no value"),
            ("1e999", 0..5, "no number"),
            (".", 0..1, "no number"),
            ("1.2.3", 3..4, "no operator"),
            ("2 € 3", 2..5, "`€` is no operator"),
        ];
        for (text, span, message) in cases {
            let error = Formula::parse(text).unwrap_err();
            assert!(error.message.contains(message) && !error.help.is_empty(), "{text}: {error}");
            assert_eq!(error.span, span, "{text}: {error}");
        }
    }

    #[test]
    fn deep_and_long_texts_are_refused_and_not_followed() {
        assert!(Formula::parse(&"(".repeat(500)).unwrap_err().message.contains("too deep"));
        assert!(Formula::parse(&"-".repeat(1_000)).unwrap_err().message.contains("too deep"));
        assert!(Formula::parse(&"1+".repeat(5_000)).unwrap_err().message.contains("too long"));
        assert_eq!(central(&format!("{}1", "1+".repeat(999))), 1000.0);
    }
}
