//! The power of a whole kernel is cut: a kernel that runs as a process is killed, with its page cache and all its processes.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::said::{Listener, Said};
use super::{CONTROL_ACKNOWLEDGED, Campaign, Setting, TEST, cut, make_sparse};
use crate::process;

const DISK_BYTES: u64 = 1 << 30;
/// So many times the power is cut before there is a new disk.
const CUTS_OF_A_DISK: u64 = 10;
/// The power is cut within this time after the file system was mounted.
const CUT_WITHIN: Duration = Duration::from_millis(3500);
const PATIENCE: Duration = Duration::from_mins(3);

/// What a boot is for.
enum Boot {
    /// To append until the power is cut, so long after the file system was mounted.
    Append(Duration),
    /// To look at what is there.
    Look,
    /// To append without a sync.
    Control(Duration),
}

/// Plays the rounds and those of the control.
pub(super) fn rounds(campaign: &mut Campaign<'_>) -> Result<()> {
    let setting = campaign.setting;
    fs::create_dir_all(setting.folder.join("mount")).context("cannot make a folder")?;
    for _ in 0..campaign.controls() {
        new_disk(setting)?;
        let said = boot(setting, &Boot::Control(campaign.chance.pause(CUT_WITHIN)))?;
        campaign.figures.control.look(said.acknowledged, &boot(setting, &Boot::Look)?);
    }
    let mut promised = 0;
    while !campaign.is_over() {
        if campaign.figures.cuts.is_multiple_of(CUTS_OF_A_DISK) {
            new_disk(setting)?;
            promised = 0;
        }
        let pause = campaign.chance.pause(CUT_WITHIN);
        let said = boot(setting, &Boot::Append(pause))?;
        let figures = &mut campaign.figures;
        figures.cuts += 1;
        let when = format!("before cut {}, {} ms after mounting", figures.cuts, pause.as_millis());
        figures.look(promised, &said, &when);
        figures.acknowledged += u64::from(said.acknowledged.saturating_sub(promised));
        promised = promised.max(said.acknowledged);
        if figures.cuts.is_multiple_of(CUTS_OF_A_DISK) || figures.cuts == campaign.rounds {
            let said = boot(setting, &Boot::Look)?;
            figures.look(promised, &said, &format!("after cut {}", figures.cuts));
        }
        campaign.say_how_far("kernel");
    }
    Ok(())
}

fn new_disk(setting: &Setting) -> Result<()> {
    let disk = setting.folder.join("disk.img");
    make_sparse(&disk, DISK_BYTES)?;
    process::run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk).env("PATH", path()))
}

/// The path, with what only the root user looks at.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Boots, and cuts the power when it is time.
fn boot(setting: &Setting, boot: &Boot) -> Result<Said> {
    let mut command = Setting::script("kernel.sh");
    command.arg(&setting.folder).arg(&setting.program).arg(TEST);
    match boot {
        Boot::Append(_) => {}
        Boot::Look => drop(command.arg("look")),
        Boot::Control(_) => drop(command.arg("nosync").env("LIBEATMYDATA", &setting.no_sync)),
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).env("PATH", path());
    let mut child = command.spawn().context("cannot start tests/power/kernel.sh")?;
    let mut listener = Listener::on(child.stdout.take().context("the output is piped")?);
    let mounted = listener.until(PATIENCE, |said| said.mounted || said.complaint.is_some());
    match boot {
        Boot::Append(pause) => drop(listener.until(*pause, |said| said.complaint.is_some())),
        Boot::Look => {
            let looked = |said: &Said| said.held.is_some() || said.complaint.is_some();
            if !listener.until(PATIENCE, looked) {
                cut(&mut child)?;
                bail!("nobody looked at the disk in {} s", PATIENCE.as_secs());
            }
        }
        Boot::Control(pause) => {
            listener.until(PATIENCE, |said| said.acknowledged >= CONTROL_ACKNOWLEDGED);
            listener.until(*pause, |_| false);
        }
    }
    cut(&mut child)?;
    if !mounted {
        bail!("the kernel did not come up; its console said {:?}", listener.rest());
    }
    Ok(listener.rest())
}
