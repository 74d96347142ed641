//! The control socket's answers, and what a running server does for the operator.

use std::{pin::Pin, sync::Arc};

use rohrpost_delivery::{Delivery, RouteState};
use rohrpost_intake::Intake;
use rohrpost_queue::Queue;
use rohrpost_server::control::{Caller, ControlService};
use rohrpost_store::{Filter, StoreError, Verb};

use crate::{
    control::{Answer, Refusal, RefusalKind},
    operator::{BoxFuture, Live, Operator},
};

/// Answers requests that come through the socket.
pub(super) struct Service(pub(super) Arc<Operator>);

impl ControlService for Service {
    fn answer<'a>(&'a self, caller: Caller, request: Vec<u8>) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send + 'a>> {
        Box::pin(async move {
            let answer = match serde_json::from_slice(&request) {
                Ok(request) => self.0.answer(request, &format!("uid {}", caller.uid)).await,
                Err(error) => {
                    let message = format!("the server is of another release than this command: {error}");
                    Answer::Refused(Refusal::new(RefusalKind::Wrong, message))
                }
            };
            serde_json::to_vec(&answer).expect("answers are plain data")
        })
    }
}

/// The parts of a running server that verbs reach into.
pub(super) struct Running {
    pub(super) queue: Queue,
    pub(super) intake: Intake,
    pub(super) delivery: Delivery,
}

impl Live for Running {
    fn operate(&self, filter: Filter, verb: Verb, by: String) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.queue.operate(filter, verb, by))
    }

    fn bounce(&self, filter: Filter, by: String) -> BoxFuture<'_, Result<u64, Refusal>> {
        Box::pin(async move { Ok(self.delivery.bounce(filter, by).await?) })
    }

    fn routes(&self) -> Vec<RouteState> {
        self.delivery.routes()
    }

    fn probe(&self, route: &str) {
        self.delivery.probe(route);
    }

    fn holds_outgoing(&self) -> bool {
        self.queue.settings().hold_outgoing
    }

    fn unlock(&self, login: &str) {
        self.intake.unlock(login);
    }

    fn people_changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Err(error) = self.intake.refresh().await {
                tracing::warn!(%error, "local domains are not up to date");
            }
        })
    }
}
