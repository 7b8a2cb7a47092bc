//! Screenshots on Linux: the desktop's portal first, which works on Wayland and lets the user choose a part.
//! Where there is none or it fails, the X server is read; on Wayland without a portal there is no way.
use contract::{ErrorCode, ErrorView, ScreenTaken, ScreenWay};
use tauri::WebviewWindow;

use super::portal::{Portal, Response};
use super::{HiddenWindow, part, whole, x11};

pub async fn way() -> ScreenWay {
    match Portal::find().await {
        Some(portal) if portal.is_interactive() => ScreenWay::Desktop,
        Some(_) => ScreenWay::Cut,
        None if x11::present() => ScreenWay::Cut,
        None => ScreenWay::Nothing,
    }
}

pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    let Some(portal) = Portal::find().await else {
        return if x11::present() { take_from_x11(window).await } else { Err(unavailable()) };
    };
    let answer = {
        let _hidden = HiddenWindow::hide(window).await;
        portal.screenshot().await
    };
    match answer {
        Ok(Response::Cancelled) => Ok(ScreenTaken::Nothing),
        Ok(Response::Image(bytes)) if portal.is_interactive() => Ok(part(&bytes)),
        Ok(Response::Image(bytes)) => Ok(whole(&bytes)),
        // Some desktops give the same response for a cancelled dialog and for a missing tool. The X server
        // needs neither.
        Ok(Response::Failed) | Err(_) if x11::present() => take_from_x11(window).await,
        Ok(Response::Failed) => {
            Err(ErrorView::new(ErrorCode::ScreenRefused, "take a picture of the screen: the portal ended it"))
        }
        Err(error) => {
            Err(ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {error}")))
        }
    }
}

async fn take_from_x11(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    let taken = {
        let _hidden = HiddenWindow::hide(window).await;
        x11::screenshot(window).await
    };
    taken.map(|bytes| whole(&bytes)).map_err(|reason| {
        ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {reason}"))
    })
}

fn unavailable() -> ErrorView {
    ErrorView::new(ErrorCode::ScreenUnavailable, "take a picture of the screen: no portal and no X11")
}
