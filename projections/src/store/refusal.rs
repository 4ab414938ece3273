//! Telling a system that refuses from rows that are damaged.

use std::error::Error;
use std::io::{self, ErrorKind};

/// What a system says that has no room, or does not allow it.
const REFUSALS: [ErrorKind; 8] = [
    ErrorKind::OutOfMemory,
    ErrorKind::WouldBlock,
    ErrorKind::Interrupted,
    ErrorKind::PermissionDenied,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::StorageFull,
    ErrorKind::QuotaExceeded,
    ErrorKind::FileTooLarge,
];

/// Too many open files: of the system, of the process. They have no kind of their own.
const OPEN_FILES: [i32; 2] = [23, 24];

/// What the system refused, if that is what the storage engine failed of. Everything else may be damage: a file that is not there,
/// that ends early, or that the disk cannot read.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<io::Error> {
    let mut cause = Some(error);
    let said = loop {
        let error = cause?;
        match error.downcast_ref::<io::Error>() {
            Some(said) => break said,
            None => cause = error.source(),
        }
    };
    let number = said.raw_os_error();
    let is_refusal = REFUSALS.contains(&said.kind())
        || number.is_some_and(|number| OPEN_FILES.contains(&number));
    is_refusal.then(|| match number {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(said.kind(), said.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_refuses_is_no_damage() {
        // EAGAIN, ENOMEM, EACCES, ENFILE, EMFILE, EFBIG, ENOSPC, EROFS.
        for number in [11, 12, 13, 23, 24, 27, 28, 30] {
            let error = fjall::Error::Io(io::Error::from_raw_os_error(number));
            let refused = refusal(&error).expect("refused");
            assert_eq!(refused.raw_os_error(), Some(number));
        }
    }

    #[test]
    fn what_may_be_damage_is_no_refusal() {
        // ENOENT, EIO.
        for number in [2, 5] {
            let error = fjall::Error::Io(io::Error::from_raw_os_error(number));
            assert!(refusal(&error).is_none(), "{error:?}");
        }
        let early = fjall::Error::Io(ErrorKind::UnexpectedEof.into());
        assert!(refusal(&early).is_none() && refusal(&fjall::Error::Poisoned).is_none());
    }
}
