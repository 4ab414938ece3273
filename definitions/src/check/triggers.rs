//! `triggers`: what starts runs by itself.

use super::Checker;
use crate::calendar::{self, CalendarError};
use crate::keys::TRIGGER;
use crate::yaml::{Key, Node, Tree};

/// The shortest interval, in milliseconds.
const EVERY_MS_MIN: u64 = 1_000;

impl Checker<'_> {
    pub(super) fn triggers(&mut self, key: &Key, value: &Tree) {
        let Node::List(items) = &value.value else {
            let hint = "write a list: `triggers:` and below it `- cron: \"0 6 * * *\"`";
            self.wrong_type(key, value, "a list", hint);
            return;
        };
        for item in items {
            match &item.value {
                Node::Map(entries) => {
                    let place = self.range(item);
                    self.table(&TRIGGER, entries, place);
                    self.trigger(item);
                }
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                    let range = self.range(item);
                    let message = format!("a trigger is a map, this is {}", item.value.noun());
                    self.fault("NX1143", range, message, "write `- cron: \"0 6 * * *\"`");
                }
            }
        }
    }

    fn trigger(&mut self, item: &Tree) {
        let node = &item.value;
        if let Some(event) = node.get("event") {
            return self.event_trigger(item, event);
        }
        if let Some(matches) = node.get("match") {
            let range = self.range(matches);
            let message = "`match` is for events, this trigger has a time".to_owned();
            self.fault("NX1188", range, message, "say `event:` and its name, or leave `match` out");
        }
        match (node.get("cron"), node.get("every")) {
            (Some(cron), None) => {
                let zone = node.get("timezone");
                self.cron(cron, zone);
            }
            (None, Some(every)) => self.every(every),
            (Some(_), Some(every)) => {
                let range = self.range(every);
                let message = "a trigger has `cron` or `every`, not both".to_owned();
                self.fault("NX1143", range, message, "make two triggers of it");
            }
            (None, None) => {
                let range = self.range(item);
                let message =
                    "a trigger says when: it has neither `cron`, `every` nor `event`".to_owned();
                self.fault("NX1143", range, message, "add `cron: \"0 6 * * *\"` or `every: 1h`");
            }
        }
    }

    fn event_trigger(&mut self, item: &Tree, event: &Tree) {
        let times = ["cron", "every", "timezone", "catch_up", "overlap"];
        if let Some(time) = times.into_iter().find(|key| item.value.get(key).is_some()) {
            let range = self.range(event);
            let message = format!("a trigger has `event` or a time, not both: `{time}`");
            self.fault("NX1188", range, message, "make two triggers of it");
        }
    }

    fn cron(&mut self, cron: &Tree, zone: Option<&Tree>) {
        let (Some(expression), zone_text) =
            (cron.value.text(), zone.and_then(|zone| zone.value.text()).unwrap_or("UTC"))
        else {
            return;
        };
        let Err(error) = calendar::check(expression, zone_text) else { return };
        let (code, place, hint) = match &error {
            CalendarError::Expression { .. } => (
                "NX1140",
                cron,
                "five fields: minute, hour, day of month, month, day of week; such as \"0 6 * * 1-5\"",
            ),
            CalendarError::Zone { .. } => {
                ("NX1141", zone.unwrap_or(cron), "zones have names such as Europe/Berlin or UTC")
            }
            CalendarError::Never { .. } => {
                ("NX1142", cron, "such as the 30th of February: name a day that comes")
            }
        };
        let range = self.range(place);
        self.fault(code, range, error.to_string(), hint);
    }

    fn every(&mut self, every: &Tree) {
        let ms = every.value.text().and_then(super::duration);
        if ms.is_some_and(|ms| ms < EVERY_MS_MIN) {
            let range = self.range(every);
            let message = "a schedule is due once a second at most".to_owned();
            self.fault("NX1144", range, message, "write `every: 1s`, or a longer time");
        }
    }
}
