//! The desktop's portal first, which works on Wayland and lets the person choose; without one, the X server is asked.
use contract::{ErrorCode, ErrorView, ScreenTaken, ScreenWay};
use tauri::WebviewWindow;

use super::portal::{Answer, Portal};
use super::{Aside, part, whole, x11};

pub async fn way() -> ScreenWay {
    match Portal::find().await {
        Some(portal) if portal.lets_choose() => ScreenWay::Desktop,
        Some(_) => ScreenWay::Cut,
        None if x11::present() => ScreenWay::Cut,
        None => ScreenWay::Nothing,
    }
}

pub async fn take(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    let Some(portal) = Portal::find().await else {
        return if x11::present() { of_x11(window).await } else { Err(unavailable()) };
    };
    let asked = {
        let _aside = Aside::step(window).await;
        portal.picture().await
    };
    match asked {
        Ok(Answer::Closed) => Ok(ScreenTaken::Nothing),
        Ok(Answer::Picture(bytes)) if portal.lets_choose() => Ok(part(&bytes)),
        Ok(Answer::Picture(bytes)) => Ok(whole(&bytes)),
        // Some desktops answer the same to a closed window and to a tool that is missing. The X server needs neither.
        Ok(Answer::Nothing) | Err(_) if x11::present() => of_x11(window).await,
        Ok(Answer::Nothing) => {
            Err(ErrorView::new(ErrorCode::ScreenRefused, "take a picture of the screen: the portal ended it"))
        }
        Err(error) => {
            Err(ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {error}")))
        }
    }
}

async fn of_x11(window: &WebviewWindow) -> Result<ScreenTaken, ErrorView> {
    let taken = {
        let _aside = Aside::step(window).await;
        x11::picture(window).await
    };
    taken.map(|bytes| whole(&bytes)).map_err(|why| {
        ErrorView::new(ErrorCode::ScreenRefused, format!("take a picture of the screen: {why}"))
    })
}

fn unavailable() -> ErrorView {
    ErrorView::new(ErrorCode::ScreenUnavailable, "take a picture of the screen: no portal and no X11")
}
