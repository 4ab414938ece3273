//! Reading a selection.

use super::{Field, Operator, Term, duration};

/// How deep parentheses and `not` may be nested.
const DEPTH_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Operator(Operator),
    Open,
    Close,
}

pub(super) fn selection(text: &str) -> Result<Term, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let term = parser.any(0)?;
    match parser.next() {
        None => Ok(term),
        Some(token) => Err(format!("`{}` is one too many", shown(&token))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' | '\'' => {
                let end = rest[1..].find(first).ok_or("a quote is not closed")?;
                (Token::Quoted(rest[1..=end].to_owned()), end + 2)
            }
            '=' | '!' | '<' | '>' | '~' => {
                let length = 1 + usize::from(rest[1..].starts_with(['=', '~']));
                (Token::Operator(operator(&rest[..length])?), length)
            }
            _ => {
                let is_end = |char: char| !(char.is_alphanumeric() || "-_.:@/+".contains(char));
                let end = rest.find(is_end).unwrap_or(rest.len());
                if end == 0 {
                    return Err(format!("`{first}` has to stand in quotes"));
                }
                (Token::Word(rest[..end].to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn operator(text: &str) -> Result<Operator, String> {
    Ok(match text {
        "=" | "==" => Operator::Is,
        "!=" => Operator::IsNot,
        "~" | "=~" => Operator::Contains,
        "!~" => Operator::ContainsNot,
        "<" => Operator::Less,
        "<=" => Operator::LessOrIs,
        ">" => Operator::More,
        ">=" => Operator::MoreOrIs,
        _ => return Err(format!("there is no operator `{text}`")),
    })
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) | Token::Quoted(word) => word.clone(),
        Token::Operator(_) => "an operator".to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Takes the word, if it comes next.
    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.tokens.get(self.at) == Some(&Token::Word(word.to_owned()));
        self.at += usize::from(is_next);
        is_next
    }

    fn any(&mut self, depth: usize) -> Result<Term, String> {
        let mut terms = vec![self.all(depth)?];
        while self.takes("or") {
            terms.push(self.all(depth)?);
        }
        Ok(Term::Any(terms))
    }

    fn all(&mut self, depth: usize) -> Result<Term, String> {
        let mut terms = vec![self.one(depth)?];
        while self.takes("and") {
            terms.push(self.one(depth)?);
        }
        Ok(Term::All(terms))
    }

    fn one(&mut self, depth: usize) -> Result<Term, String> {
        if depth > DEPTH_MAX {
            return Err("it is nested too deep".to_owned());
        }
        if self.takes("not") {
            return Ok(Term::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.next() {
            Some(Token::Open) => {
                let term = self.any(depth + 1)?;
                match self.next() {
                    Some(Token::Close) => Ok(term),
                    _ => Err("a parenthesis is not closed".to_owned()),
                }
            }
            Some(Token::Word(field)) => self.condition(&field),
            Some(token) => Err(format!("`{}` is no field", shown(&token))),
            None => Err("a condition is missing".to_owned()),
        }
    }

    fn condition(&mut self, field: &str) -> Result<Term, String> {
        let Some(Token::Operator(operator)) = self.next() else {
            return Err(format!("an operator such as = is missing behind `{field}`"));
        };
        let Some(Token::Word(value) | Token::Quoted(value)) = self.next() else {
            return Err(format!("a value is missing behind `{field}`"));
        };
        if field == "age" {
            let age =
                duration(&value).ok_or_else(|| format!("`{value}` is no duration such as 1d"))?;
            return Ok(Term::Age(operator, age));
        }
        Ok(Term::Is(self::field(field)?, operator, value))
    }
}

fn field(name: &str) -> Result<Field, String> {
    Ok(match name {
        "run" | "id" | "name" => Field::Run,
        "workflow" => Field::Workflow,
        "status" => Field::Status,
        "at" | "step" => Field::At,
        "waiting" => Field::Waiting,
        "error" => Field::Error,
        "by" => Field::By,
        "forgotten" => Field::Forgotten,
        _ => match name.strip_prefix("label.") {
            Some(key) if !key.is_empty() => Field::Label(key.to_owned()),
            Some(_) | None => return Err(format!("there is no field `{name}`")),
        },
    })
}
