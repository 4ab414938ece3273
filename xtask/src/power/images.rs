//! Images of a file system in use: what was written back from memory is in them, and what was not is not.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::said::{Listener, Said};
use super::{CONTROL_ACKNOWLEDGED, Campaign, Setting, TEST, cut};
use crate::process;

/// So many images are taken of one disk.
const IMAGES_OF_A_DISK: u64 = 12;
/// An image is taken within this time after the one before.
const IMAGE_WITHIN: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_mins(1);

/// Plays the rounds and those of the control.
pub(super) fn rounds(campaign: &mut Campaign<'_>) -> Result<()> {
    for _ in 0..campaign.controls() {
        let mut disk = Disk::new(campaign.setting, true)?;
        disk.listener.until(PATIENCE, |said| said.acknowledged >= CONTROL_ACKNOWLEDGED);
        disk.listener.until(campaign.chance.pause(IMAGE_WITHIN), |_| false);
        let (promised, left) = disk.image()?;
        campaign.figures.control.look(promised, &left);
    }
    while !campaign.is_over() {
        let mut disk = Disk::new(campaign.setting, false)?;
        let mut promised_before = 0;
        for _ in 0..IMAGES_OF_A_DISK.min(campaign.rounds - campaign.figures.cuts) {
            disk.listener.until(campaign.chance.pause(IMAGE_WITHIN), |_| false);
            let (promised, left) = disk.image()?;
            let figures = &mut campaign.figures;
            figures.cuts += 1;
            figures.look(promised, &left, &format!("cut {}", figures.cuts));
            figures.acknowledged += u64::from(promised - promised_before);
            promised_before = promised;
            campaign.say_how_far("images");
        }
    }
    Ok(())
}

/// A disk, and the process that appends to the store on it.
struct Disk<'a> {
    setting: &'a Setting,
    child: Child,
    listener: Listener,
}

impl<'a> Disk<'a> {
    fn new(setting: &'a Setting, control: bool) -> Result<Self> {
        let folder = setting.folder.join("images");
        if let Err(error) = process::run(Setting::script("images.sh").arg("prepare").arg(&folder)) {
            let _ = process::run(Setting::script("images.sh").arg("end").arg(&folder));
            return Err(error);
        }
        let mut command = Command::new(&setting.program);
        command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]);
        command.env("NEXUS_LOG_TEST_CHILD", folder.join("mount/store"));
        if control {
            command.env("LD_PRELOAD", &setting.no_sync);
        }
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start the process that appends")?;
        let listener = Listener::on(child.stdout.take().context("the output is piped")?);
        Ok(Self { setting, child, listener })
    }

    /// Takes an image; returns what had been promised before, and what is in it.
    fn image(&mut self) -> Result<(u32, Said)> {
        let folder = self.setting.folder.join("images");
        let promised = self.listener.said.acknowledged;
        process::run(Setting::script("images.sh").arg("take").arg(&folder))?;
        let mut look = Setting::script("images.sh");
        look.arg("look").arg(&folder).arg(&self.setting.program).arg(TEST);
        let output = look.output().context("cannot look at the image")?;
        let mut said = Listener::on(std::io::Cursor::new(output.stdout)).rest();
        if said.held.is_none() && said.complaint.is_none() {
            let why = String::from_utf8_lossy(&output.stderr);
            said.complaint = Some(format!("nobody could look: {why}"));
        }
        Ok((promised, said))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let ended = cut(&mut self.child).and_then(|()| {
            let folder = self.setting.folder.join("images");
            process::run(Setting::script("images.sh").arg("end").arg(folder))
        });
        if let Err(error) = ended {
            println!(
                "what was mounted in {} is still there: {error:#}",
                self.setting.folder.display()
            );
        }
    }
}
