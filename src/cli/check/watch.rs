//! `check --watch`: checks again when a file has changed.
//!
//! Files are looked at each half second. That costs nothing for a handful of them, and sees what notifications of the
//! system do not: bind mounts and network drives, editors that write a new file and rename it, and the symbolic link
//! that Kubernetes swaps when a ConfigMap changes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CheckArgs, Round, check};
use crate::cli::Failure;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How a terminal is cleared: the screen, and the cursor to its beginning.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(super) fn execute(args: &CheckArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(args))
}

async fn watch(args: &CheckArgs) -> Result<(), Failure> {
    let mut ends = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    let clear = io::stdout().is_terminal();
    let mut watched = Watched::new(args);
    loop {
        // Before the files are read, so that what changes meanwhile is seen.
        let mut before = watched.seen();
        if clear {
            write!(io::stdout(), "{CLEAR}")?;
        }
        if let Some(round) = once(args)? {
            watched.learn(&round);
            before = watched.complete(before);
        }
        writeln!(io::stdout(), "watch {} files and folders; Ctrl-C ends it", watched.paths.len())?;
        io::stdout().flush()?;
        if !changed(&watched, &before, &mut ends).await {
            return Ok(());
        }
    }
}

/// Checks, and says how that went; what was read, as far as it was.
fn once(args: &CheckArgs) -> Result<Option<Round>, Failure> {
    let mut out = io::stdout().lock();
    let (round, failure) = match check(args, &mut out) {
        Ok((mut round, _)) => {
            let read = Round {
                files: std::mem::take(&mut round.files),
                folders: std::mem::take(&mut round.folders),
                ..Round::default()
            };
            (Some(read), round.result(args.deny_warnings).err())
        }
        Err(failure) => (None, Some(failure)),
    };
    match failure {
        None => writeln!(out, "pass")?,
        Some(Failure::RunTime(error)) => return Err(Failure::RunTime(error)),
        Some(Failure::Reported) => writeln!(out, "fail")?,
        Some(Failure::Usage(error)) => {
            for line in format!("{error:#}").lines() {
                writeln!(out, "error {line}")?;
            }
            writeln!(out, "fail")?;
        }
    }
    Ok(round)
}

/// Waits until the files have changed and stand still again; `false` once a signal has come.
async fn changed(watched: &Watched, before: &BTreeSet<Mark>, ends: &mut [Signal; 2]) -> bool {
    let [interrupt, terminate] = ends;
    let mut last: Option<BTreeSet<Mark>> = None;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return false,
            _ = terminate.recv() => return false,
            () = tokio::time::sleep(LOOK) => {}
        }
        let seen = watched.seen();
        // Twice the same: nobody is in the middle of writing, and no file is away for a moment only.
        if seen != *before && last.as_ref() == Some(&seen) {
            return true;
        }
        last = Some(seen);
    }
}

/// What a file looks like from outside. The link's own number tells a swapped symbolic link, too.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Mark {
    path: PathBuf,
    /// Size, time of change, device and number; none where there is no file.
    looks: Option<(u64, i64, i64, u64, u64)>,
}

struct Watched {
    paths: BTreeSet<PathBuf>,
}

impl Watched {
    fn new(args: &CheckArgs) -> Self {
        Self { paths: args.files.candidates().into_iter().chain(args.mappings.iter().cloned()).collect() }
    }

    /// What turned out to be read, too.
    fn learn(&mut self, round: &Round) {
        self.paths.extend(round.files.iter().chain(&round.folders).cloned());
    }

    /// All files as they look now; of a folder those that mappings are read from.
    fn seen(&self) -> BTreeSet<Mark> {
        let mut marks = BTreeSet::new();
        for path in &self.paths {
            let _new = marks.insert(mark(path));
            // A folder that is away for a moment has no files for that moment.
            let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
            marks.extend(entries.filter(|path| is_yaml(path)).map(|path| mark(&path)));
        }
        marks
    }

    /// What was seen before, with what is watched since as it looks now.
    fn complete(&self, before: BTreeSet<Mark>) -> BTreeSet<Mark> {
        let known: BTreeSet<PathBuf> = before.iter().map(|mark| mark.path.clone()).collect();
        let in_known =
            |mark: &Mark| known.contains(&mark.path) || mark.path.parent().is_some_and(|folder| known.contains(folder));
        let new = self.seen().into_iter().filter(|mark| !in_known(mark));
        before.into_iter().chain(new.collect::<Vec<_>>()).collect()
    }
}

fn mark(path: &Path) -> Mark {
    let looks = fs::metadata(path).ok().map(|file| {
        // A folder's own time changes with files that are none of ours.
        let (size, seconds, nanos) =
            if file.is_dir() { (0, 0, 0) } else { (file.len(), file.mtime(), file.mtime_nsec()) };
        (size, seconds, nanos, file.dev(), file.ino())
    });
    Mark { path: path.to_owned(), looks }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Mark, Watched};

    #[test]
    fn a_swapped_link_a_new_file_and_one_that_is_gone_are_seen_and_others_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for version in ["v1", "v2"] {
            fs::create_dir(root.join(version)).unwrap();
            fs::write(root.join(version).join("a.yaml"), "name: a").unwrap();
        }
        symlink("v1", root.join("..data")).unwrap();
        symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
        let watched = Watched { paths: BTreeSet::from([root.to_owned()]) };
        let first: BTreeSet<Mark> = watched.seen();
        fs::write(root.join("notes.txt"), "x").unwrap();
        assert_eq!(watched.seen(), first, "no mapping");
        symlink("v2", root.join("new")).unwrap();
        fs::rename(root.join("new"), root.join("..data")).unwrap();
        let swapped = watched.seen();
        assert_ne!(swapped, first, "the file behind the link is another");
        fs::write(root.join("b.yml"), "name: b").unwrap();
        let more = watched.seen();
        assert_ne!(more, swapped);
        fs::remove_file(root.join("b.yml")).unwrap();
        assert_eq!(watched.seen(), swapped);
        fs::remove_dir_all(root).unwrap();
        assert_eq!(watched.seen().len(), 1, "a folder that is gone is no fault");
    }
}
