using System.Text.Json;
using System.Text.Json.Serialization;

namespace MultiInputNet.Hosting;

/// <summary>How answers are written as JSON, without reflection.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)] // a head of the user's own may give infinity
[JsonSerializable(typeof(ModelAnswer))]
[JsonSerializable(typeof(PredictionAnswer))]
[JsonSerializable(typeof(IReadOnlyList<PredictionAnswer>))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, PredictionAnswer>))]
[JsonSerializable(typeof(IReadOnlyList<IReadOnlyDictionary<string, PredictionAnswer>>))]
internal sealed partial class AnswerJson : JsonSerializerContext;
