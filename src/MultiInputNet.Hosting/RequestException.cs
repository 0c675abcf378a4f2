using Microsoft.AspNetCore.Http;

namespace MultiInputNet.Hosting;

/// <summary>What is wrong with a request, in terms of HTTP.</summary>
/// <param name="status">The status code.</param>
/// <param name="kind">The kind in one word of a fixed set, for metrics.</param>
/// <param name="detail">What was found, and the cure.</param>
internal sealed class RequestException(int status, string kind, string detail) : Exception(detail)
{
    public int Status => status;

    public string Kind => kind;

    public static RequestException Invalid(string detail) => new(StatusCodes.Status400BadRequest, "invalid_input", detail);

    public static RequestException TooLarge(string detail) => new(StatusCodes.Status413PayloadTooLarge, "too_large", detail);
}
