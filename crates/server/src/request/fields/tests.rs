//! Right values are JSON's own and those of the types below.
use serde_json::json;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Outer {
    name: String,
    #[serde(default)]
    flag: bool,
    count: Option<u16>,
    signed: Option<i64>,
    ratio: Option<f32>,
    #[serde(default)]
    list: Vec<Inner>,
    #[serde(default)]
    free: Value,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Inner {
    #[serde(default)]
    text: String,
}

fn outer(more: Value) -> Result<Outer, String> {
    let mut value = json!({"name": "x"});
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    read::<Outer>(&value).map(|(outer, _)| outer).map_err(|error| error.to_string())
}

#[test]
fn null_is_absent_in_every_field_of_a_type_and_kept_in_free_values() {
    let all_null =
        json!({"flag": null, "count": null, "signed": null, "ratio": null, "list": null, "free": null});
    assert_eq!(outer(all_null), outer(json!({})));
    assert_eq!(outer(json!({"list": [{"text": null}]})), outer(json!({"list": [{}]})));
    let free = json!({"default": null, "enum": [null, 1, -2, 0.5, "x", true]});
    assert_eq!(outer(json!({"free": free})).expect("is read").free, free);
}

#[test]
fn whole_numbers_may_be_written_with_a_point() {
    let read = outer(json!({"count": 5.0, "signed": -1.0, "ratio": 2})).expect("is read");
    assert_eq!((read.count, read.signed, read.ratio), (Some(5), Some(-1), Some(2.0)));
    for (wrong, said) in [
        (json!({"count": 5.5}), "count: a whole number is expected, not 5.5"),
        (json!({"count": -1}), "count: -1 is out of its range"),
        (json!({"count": 70000.0}), "count: 70000 is out of its range"),
        (json!({"signed": 1e300}), "signed: a whole number is expected, not 1e300"),
        (json!({"count": "5"}), "count: a whole number is expected, not text"),
        (json!({"flag": 1}), "flag: true or false is expected, not 1"),
        (json!({"ratio": "hot"}), "ratio: a number is expected, not text"),
    ] {
        let error = outer(wrong).expect_err(said);
        assert!(error == said || error == said.replace("1e300", "1e+300"), "{error}");
    }
}

#[test]
fn a_fault_names_its_field_by_the_whole_path() {
    for (wrong, said) in [
        (json!({"list": 5}), "list: a list is expected, not 5"),
        (json!({"list": [{}, {"text": 7}]}), "list[1].text: text is expected, not 7"),
        (json!({"list": [{}, "x"]}), "list[1]: an object is expected, not text"),
        (json!({"list": [[]]}), "list[0]: an object is expected, not a list"),
        (json!({"list": [null]}), "list[0]: an object is expected, not null"),
        (json!({"name": null}), "name: it is missing"),
        (json!({"name": {}}), "name: text is expected, not an object"),
    ] {
        assert_eq!(outer(wrong), Err(said.to_owned()));
    }
    assert_eq!(read::<Outer>(&json!([])).expect_err("no object").path, "");
}

#[test]
fn fields_that_a_type_does_not_have_are_listed_with_their_paths() {
    let value = json!({"name": "x", "extra": 1, "nothing": null, "free": {"any": 1},
                       "list": [{"text": "a"}, {"more": {"deep": null}}]});
    let (_, unknown) = read::<Outer>(&value).expect("is read");
    let seen: Vec<_> = unknown.iter().map(|one| (one.of, one.name, one.path.as_str())).collect();
    assert_eq!(seen, [("Outer", "extra", "extra"), ("Inner", "more", "list[1].more")]);
}
