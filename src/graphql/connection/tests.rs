use super::*;
use uuid::Uuid;

fn slice(limit: usize, backward: bool, after: Option<i32>, before: Option<i32>) -> Slice<i32> {
    Slice { limit, backward, after, before }
}

#[test]
fn pages_have_25_items_unless_asked_and_at_most_100() {
    let limit =
        |first, last| Paging::new(first, None, last, None).map(|paging| (paging.limit, paging.backward));
    assert_eq!(limit(None, None).unwrap(), (25, false));
    assert_eq!(limit(Some(0), None).unwrap(), (0, false));
    assert_eq!(limit(Some(100), None).unwrap(), (100, false));
    assert_eq!(limit(None, Some(7)).unwrap(), (7, true));
    for (first, last) in
        [(Some(101), None), (Some(-1), None), (None, Some(-1)), (None, Some(101)), (Some(1), Some(1))]
    {
        let error = limit(first, last).unwrap_err();
        let extensions = error.extensions.unwrap();
        assert_eq!(extensions.get("code"), Some(&"BAD_USER_INPUT".into()), "{first:?} {last:?}");
    }
}

#[test]
fn a_cursor_has_one_spelling() {
    let wrapped = |text: &str| URL_SAFE_NO_PAD.encode(text);
    assert_eq!(MessageNumber::decode(&wrapped("m:7")).unwrap().0, 7);
    for other in ["m:+7", "m:07", "m:-7", "m: 7", "m:7 ", "M:7", "m::7"] {
        assert!(MessageNumber::decode(&wrapped(other)).is_none(), "{other}");
    }
    let id = ids::encode(ConversationId(Uuid::from_u128(7)));
    assert!(ConversationCursor::decode(&wrapped(&format!("c:a.7.{}", *id))).is_some());
    for key in ["+7", "07", "-0", "--", "9223372036854775808"] {
        assert!(ConversationCursor::decode(&wrapped(&format!("c:a.{key}.{}", *id))).is_none(), "{key}");
    }
}

#[test]
fn a_cursor_is_refused_by_another_list() {
    let paging = |after: String| Paging::new(None, Some(after), None, None).unwrap();
    let read = |cursor: &str| MessageNumber::decode(cursor).map(|number| number.0);
    assert_eq!(paging(MessageNumber(3).encode()).slice(read).unwrap().after, Some(3));
    for bad in
        [HistoryNumber(3).encode(), MessageNumber(0).encode(), "x".into(), String::new(), "A".repeat(9_999)]
    {
        assert!(paging(bad).slice(read).is_err());
    }
}

#[test]
fn a_conversations_cursor_keeps_its_order_key_and_id() {
    for field in [OrderField::LastActivity, OrderField::WaitingSince, OrderField::UnassignedSince] {
        for key in [None, Some(Timestamp::from_micros(-5)), Some(Timestamp::from_micros(i64::MAX))] {
            let position = ListPosition { key, id: ConversationId(Uuid::from_u128(u128::MAX)) };
            let cursor = ConversationCursor { field, position };
            assert_eq!(ConversationCursor::decode(&cursor.encode()), Some(cursor));
        }
    }
}

/// Computes a page by walking the whole list.
fn by_walking(
    numbers: Vec<i32>,
    slice: Slice<i32>,
    comes_later: impl Fn(i32, i32) -> bool,
) -> (Vec<i32>, bool, bool) {
    let kept: Vec<i32> = numbers
        .iter()
        .copied()
        .filter(|n| slice.after.is_none_or(|after| comes_later(*n, after)))
        .filter(|n| slice.before.is_none_or(|before| comes_later(before, *n)))
        .collect();
    let page = if slice.backward {
        kept[kept.len().saturating_sub(slice.limit)..].to_vec()
    } else {
        kept[..kept.len().min(slice.limit)].to_vec()
    };
    let next = page.last().is_some_and(|last| numbers.last() != Some(last));
    let previous = page.first().is_some_and(|first| numbers.first() != Some(first));
    (page, next, previous)
}

#[test]
fn windows_equal_walking_the_list() {
    let ends = || std::iter::once(None).chain((1..=6).map(Some));
    let mut pages = 0;
    for (count, limit, backward) in
        (0..=4).flat_map(|c| (0..=5).flat_map(move |l| [(c, l, false), (c, l, true)]))
    {
        for (after, before) in ends().flat_map(|a| ends().map(move |b| (a, b))) {
            let slice = slice(limit, backward, after, before);
            let ascending = PageWindow::ascending(count, slice);
            let descending = PageWindow::descending(count, slice);
            let numbers =
                |window: &PageWindow| window.range().map_or(Vec::new(), |(low, high)| (low..=high).collect());
            let (page, next, previous) = by_walking((1..=count).collect(), slice, |a, b| a > b);
            assert_eq!(numbers(&ascending), page, "{count} {slice:?}");
            if !page.is_empty() {
                pages += 1;
                assert_eq!(
                    (ascending.has_next, ascending.has_previous),
                    (next, previous),
                    "{count} {slice:?}"
                );
            }
            let (page, next, previous) = by_walking((1..=count).rev().collect(), slice, |a, b| a < b);
            let reversed: Vec<i32> = numbers(&descending).into_iter().rev().collect();
            assert_eq!(reversed, page, "{count} {slice:?}");
            if !page.is_empty() {
                assert_eq!(
                    (descending.has_next, descending.has_previous),
                    (next, previous),
                    "{count} {slice:?}"
                );
            }
        }
    }
    assert!(pages > 100);
}

#[test]
fn an_empty_page_still_knows_its_neighbours() {
    let window = PageWindow::ascending(5, slice(0, false, Some(2), None));
    assert_eq!((window.range(), window.has_next, window.has_previous), (None, true, true));
    let window = PageWindow::descending(5, slice(0, false, None, None));
    assert_eq!((window.range(), window.has_next, window.has_previous), (None, true, false));
}
