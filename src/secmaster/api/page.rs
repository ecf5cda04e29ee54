//! Lists, a page at a time and as a stream of all their items.

use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lenient::Count;
use super::operation::{Item, Operation, read};
use crate::ports::ApiFailure;
use crate::secmaster::SecMasterClient;
use crate::secmaster::confirmation::Confirmation;

/// The most items that one page may hold, in every list of the API.
pub const MAX_PAGE: usize = 100;

/// As many items of a list can be read: the service refuses pages that end later.
pub const MAX_REACH: usize = 9_999;

/// Where a page begins and how long it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageAt {
    /// How many items come before it.
    pub offset: usize,
    /// How many it may hold, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for PageAt {
    fn default() -> Self {
        Self { offset: 0, limit: MAX_PAGE }
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page<T> {
    /// What it holds.
    pub items: Vec<Item<T>>,
    /// How many items the list has in all, where the service says so.
    pub total: Option<u64>,
}

/// What stands in lists, and under which names.
pub trait Listed: DeserializeOwned {
    /// The member that holds the items.
    const ITEMS: &'static str;
    /// The member that counts all of them.
    const TOTAL: &'static str;
}

/// Reads a page.
pub(super) fn page<T: Listed>(body: &[u8]) -> Confirmation<Page<T>> {
    read(body, |document| {
        let items = match document.get(T::ITEMS) {
            // An empty list is left out, or null.
            None | Some(serde_json::Value::Null) if document.get(T::TOTAL).is_some() => Vec::new(),
            items => Vec::deserialize(items?).ok()?,
        };
        let total = document.get(T::TOTAL).and_then(|total| Count::deserialize(total).ok()?.0);
        Some(Page { items, total })
    })
}

impl<T> Operation<Page<T>> {
    /// This page of the list.
    #[must_use]
    pub fn page(mut self, at: PageAt) -> Self {
        self.set("limit", at.limit.to_string());
        self.set("offset", at.offset.to_string());
        self
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.query.iter().find(|(known, _)| *known == name)?.1.parse().ok()
    }
}

impl SecMasterClient {
    /// All items of a list from the operation's page on, asked for page by page as they are taken. Ends at the list's
    /// end, at an error, or at [`MAX_REACH`].
    pub fn list<T>(&self, operation: Operation<Page<T>>) -> impl Stream<Item = Result<Item<T>, ApiFailure>> {
        let (limit, offset) = (operation.number("limit"), operation.number("offset"));
        let next = PageAt { offset: offset.unwrap_or(0), limit: limit.unwrap_or(MAX_PAGE) };
        let pages = Pages { client: self.clone(), operation, next: Some(next), ready: Vec::new() };
        stream::try_unfold(pages, |mut pages| async move { Ok(pages.item().await?.map(|item| (item, pages))) })
    }
}

struct Pages<T> {
    client: SecMasterClient,
    operation: Operation<Page<T>>,
    next: Option<PageAt>,
    /// What is still to be given of the page that was read last, the first of it at the end.
    ready: Vec<Item<T>>,
}

impl<T> Pages<T> {
    async fn item(&mut self) -> Result<Option<Item<T>>, ApiFailure> {
        if self.ready.is_empty()
            && let Some(at) = self.next.take()
        {
            let page = self.client.call(&self.operation.clone().page(at)).await?.what;
            self.next = after(at, page.items.len(), page.total);
            self.ready = page.items;
            self.ready.reverse();
        }
        Ok(self.ready.pop())
    }
}

/// The page that follows one of `len` items.
fn after(at: PageAt, len: usize, total: Option<u64>) -> Option<PageAt> {
    let offset = at.offset + len;
    // Without a total a short page is the last. With one, a service that gives fewer than asked for is asked on.
    let has_more = total.map_or(len >= at.limit, |total| (offset as u64) < total);
    let limit = at.limit.min(MAX_REACH.saturating_sub(offset));
    (len > 0 && has_more && limit > 0).then_some(PageAt { offset, limit })
}

#[cfg(test)]
mod tests {
    use super::{PageAt, after};

    #[test]
    fn pages_follow_one_another_to_the_total_or_a_short_page_and_never_past_the_bound() {
        let at = PageAt { offset: 100, limit: 100 };
        assert_eq!(after(at, 100, Some(201)), Some(PageAt { offset: 200, limit: 100 }));
        assert_eq!(after(at, 100, Some(200)), None);
        assert_eq!(after(at, 10, Some(201)), Some(PageAt { offset: 110, limit: 100 }));
        assert_eq!(after(at, 0, Some(201)), None, "an empty page ends the list, whatever the total says");
        assert_eq!(after(at, 100, None), Some(PageAt { offset: 200, limit: 100 }));
        assert_eq!(after(at, 99, None), None);
        let last = PageAt { offset: 9_850, limit: 100 };
        assert_eq!(after(last, 100, None), Some(PageAt { offset: 9_950, limit: 49 }));
        assert_eq!(after(PageAt { offset: 9_950, limit: 49 }, 49, Some(20_000)), None);
    }
}
