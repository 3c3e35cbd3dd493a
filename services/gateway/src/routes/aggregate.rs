//! `/aggregate/…`: pipelines and distinct values, for the master keys.

use crate::{
    app::App,
    body::Members,
    failure::Result,
    parameters::{Aggregation, Parameters},
    privilege::Caller,
    render::Reply,
};

pub(super) async fn run(
    app: &App,
    caller: &Caller,
    class: &str,
    query: Option<&str>,
    body: &Members,
    mount_url: &str,
) -> Result<Reply> {
    caller.master_reader()?;
    let context = Some(caller.request_context());
    let answer = match Parameters::merge(query, body).into_aggregation()? {
        Aggregation::Pipeline(mut request) => {
            request.context = context;
            request.class_name = class.to_owned();
            request.mount_url = mount_url.to_owned();
            app.data.aggregate(request).await?
        }
        Aggregation::Distinct(mut request) => {
            request.context = context;
            request.class_name = class.to_owned();
            app.data.distinct(request).await?
        }
    };
    Ok(Reply::ok(answer))
}
